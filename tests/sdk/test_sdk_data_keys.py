"""The official SDKs of WorkOS make data keys, and open what each other encrypts."""

import base64

import pytest

from sdk.driver import Refused
from sdk.versions import REKEY, every_pair_of_sdks, every_sdk


@every_sdk()
def test_a_data_key_has_32_bytes_and_its_context(vault, context):
    pair = vault.create_data_key(context)

    assert len(base64.b64decode(pair["data_key"], validate=True)) == 32
    assert pair["context"] == context


@every_sdk()
def test_a_data_key_is_decrypted_from_its_wrapped_form(vault, context):
    pair = vault.create_data_key(context)

    assert vault.decrypt_data_key(pair["encrypted_keys"]) == {"id": pair["id"], "data_key": pair["data_key"]}


@every_sdk()
def test_two_data_keys_differ(vault, context):
    first, second = vault.create_data_key(context), vault.create_data_key(context)

    assert first["data_key"] != second["data_key"]


@every_sdk(REKEY)
def test_a_rekeyed_data_key_is_the_same_key_in_another_context(vault, context):
    pair = vault.create_data_key(context)

    rekeyed = vault.rekey(pair["encrypted_keys"], {**context, "purpose": "archive"})

    assert rekeyed["context"] == {**context, "purpose": "archive"}
    assert rekeyed["encrypted_keys"] != pair["encrypted_keys"]
    assert vault.decrypt_data_key(rekeyed["encrypted_keys"]) == {"id": pair["id"], "data_key": pair["data_key"]}


@every_pair_of_sdks()
def test_what_one_sdk_encrypts_another_decrypts(writer, reader, org, vault_of):
    context = {writer.organization_key: org.id}
    ciphertext = vault_of(writer, org.token).encrypt("wörld 🔑", context, "row 7: naïve")

    text = vault_of(reader, org.token).decrypt(ciphertext, "row 7: naïve")

    assert text == "wörld 🔑"


@every_sdk()
def test_text_is_encrypted_without_associated_data_too(vault, context):
    ciphertext = vault.encrypt("world", context, None)

    assert vault.decrypt(ciphertext, None) == "world"


@every_pair_of_sdks()
def test_other_associated_data_does_not_decrypt(writer, reader, org, vault_of):
    context = {writer.organization_key: org.id}
    ciphertext = vault_of(writer, org.token).encrypt("world", context, "row 7")

    with pytest.raises(Refused) as refused:
        vault_of(reader, org.token).decrypt(ciphertext, "row 8")

    assert refused.value.kind == reader.refusals.tampered
