"""Microsoft's own clients find the fake to be Key Vault, and read what the plugin wrote, as the plugin does theirs."""

from base64 import b64decode, b64encode

import pytest
from azure_fake import HSM, VAULT
from entra_fake import CLIENT_ID, SECRET, TENANT
from microsoft import driver

from sealring_azurekv.blob import Blob, digest, joined
from sealring_azurekv.wrap import AES, RSA
from sealring_plugin import WrappedKey

DEK = bytes(range(32))


@pytest.fixture(scope="module")
def drive(certificates, tmp_path_factory):
    with driver(certificates.ca_file, tmp_path_factory.mktemp("microsoft") / "log") as drive:
        yield drive


@pytest.fixture
def microsoft(azure, certificates, drive):
    """What the clients make of a task; for `localhost` the fake is the vault, for `127.0.0.1` the Managed HSM."""

    def run(do, **task):
        who = {"tenant": TENANT, "client_id": CLIENT_ID, "authority": azure.url, "vault": azure.url}
        return drive(do=do, **{**who, "certificate": str(certificates.app_file), **task})

    return run


def encoded(**parts):
    return {name: b64encode(part).decode() for name, part in parts.items()}


def text(part):
    return b64encode(part, altchars=b"-_").rstrip(b"=").decode()


def test_a_key_is_described(azure, microsoft):
    assert microsoft("describe", name="first") == {
        "type": "RSA",
        "operations": ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
        "bits": 2048,
        "id": f"{VAULT}/keys/first/{azure.keys[VAULT, 'first'].newest.name}",
        "version": azure.keys[VAULT, "first"].newest.name,
        "enabled": True,
        "exportable": False,
        "recovery_level": "Recoverable",
        "recoverable_days": 90,
        "tags": {"sealring-external-id": "external-1"},
    }


def test_a_secret_gets_a_token_too(microsoft):
    assert microsoft("describe", name="first", secret=SECRET)["type"] == "RSA"


def test_what_the_plugin_wrapped_is_unwrapped(azure, microsoft, provider, key, context, call):
    blob = Blob.parse(RSA, provider.wrap(key, DEK, context, call).blob)
    kid = blob.kid.replace(VAULT, azure.url)

    opened = microsoft(
        "crypto", key=kid, method="unwrap_key", alg="RSA-OAEP-256", parts=encoded(encrypted_key=blob.ciphertext)
    )

    assert b64decode(opened["key"]) == joined(DEK, digest(key, context))


@pytest.mark.parametrize("versioned", [True, False])
def test_what_is_wrapped_by_their_pipeline_is_unwrapped_by_the_plugin(
    azure, microsoft, provider, key, context, call, versioned
):
    version = f"/{azure.keys[VAULT, 'first'].newest.name}" if versioned else ""
    body = {"alg": "RSA-OAEP-256", "value": text(joined(DEK, digest(key, context)))}

    made = microsoft("request", method="POST", path=f"/keys/first{version}/wrapkey", body=body)

    blob = Blob(RSA, made["kid"], b64decode(made["value"] + "==", altchars=b"-_")).encode()
    assert provider.unwrap(WrappedKey(RSA, blob), key, context, call) == DEK


def test_their_client_wraps_at_the_vault_where_it_may_not_read_the_key(azure, microsoft, provider, key, context, call):
    parts = encoded(key=joined(DEK, digest(key, context)))

    with azure.switched(denied={"get"}):
        made = microsoft("crypto", key=f"{azure.url}/keys/first", method="wrap_key", alg="RSA-OAEP-256", parts=parts)

    kid = f"{key.key_id}/{azure.keys[VAULT, 'first'].newest.name}"
    blob = Blob(RSA, kid, b64decode(made["encrypted_key"])).encode()
    assert "POST wrapkey" in azure.operations()
    assert provider.unwrap(WrappedKey(RSA, blob), key, context, call) == DEK


def test_what_the_plugin_encrypted_in_a_managed_hsm_is_decrypted(azure, microsoft, provider, make_key, context, call):
    key = make_key("aes", HSM)
    blob = Blob.parse(AES, provider.wrap(key, DEK, context, call).blob)
    bound = encoded(
        ciphertext=blob.ciphertext,
        iv=blob.iv,
        authentication_tag=blob.tag,
        additional_authenticated_data=digest(key, context),
    )
    kid = blob.kid.replace(HSM, azure.url.replace("localhost", "127.0.0.1"))

    opened = microsoft("crypto", key=kid, method="decrypt", alg="A256GCM", parts=bound)

    assert b64decode(opened["plaintext"]) == DEK


def test_what_their_client_encrypted_in_a_managed_hsm_is_decrypted_by_the_plugin(
    azure, microsoft, provider, make_key, context, call
):
    key, hsm = make_key("aes", HSM), azure.url.replace("localhost", "127.0.0.1")
    kid = f"{hsm}/keys/aes/{azure.keys[HSM, 'aes'].newest.name}"
    parts = encoded(plaintext=DEK, additional_authenticated_data=digest(key, context))

    made = microsoft("crypto", key=kid, method="encrypt", alg="A256GCM", parts=parts)

    ciphertext, iv, tag = (b64decode(made[name]) for name in ("ciphertext", "iv", "tag"))
    blob = Blob(AES, made["key_id"].replace(hsm, HSM), ciphertext, iv, tag).encode()
    assert provider.unwrap(WrappedKey(AES, blob), key, context, call) == DEK


def test_errors_are_read_as_they_are_by_the_plugin(azure, microsoft):
    body = {"alg": "RSA-OAEP-256", "value": "AAAA"}
    wrap = {"method": "POST", "path": "/keys/first/wrapkey", "body": body}

    with azure.disabled((VAULT, "first")):
        disabled = microsoft("request", **wrap)
    with azure.switched(denied={"wrapKey"}):
        denied = microsoft("request", **wrap)
    missing = microsoft("request", **{**wrap, "path": "/keys/none/wrapkey"})
    damaged = microsoft("request", **{**wrap, "path": "/keys/first/unwrapkey"})

    assert disabled == {"status": 403, "code": "Forbidden", "inner": "KeyDisabled"}
    assert denied == {"status": 403, "code": "Forbidden", "inner": "ForbiddenByRbac"}
    assert missing == {"status": 404, "code": "KeyNotFound", "inner": None}
    assert damaged == {"status": 400, "code": "BadParameter", "inner": None}


def test_a_deleted_key_and_a_rotation_policy_are_understood(azure, microsoft):
    with azure.switched(denied=set()):
        notified = microsoft("rotation", name="first")
        with azure.without((VAULT, "first"), recoverable=True):
            gone = microsoft("deleted", name="first")

    assert notified == {"actions": ["Notify"]}
    assert gone == {"scheduled_purge_date": "2030-01-01T00:00:00+00:00"}


def test_their_client_wraps_without_the_vault_and_the_plugin_never_does(azure, microsoft, provider, key, context, call):
    """Why the plugin does not use it: a wrap that the vault never hears of cannot be refused by its owner."""
    parts = encoded(key=DEK)
    azure.seen.clear()

    microsoft("crypto", key=f"{azure.url}/keys/first", method="wrap_key", alg="RSA-OAEP-256", parts=parts)
    theirs = [each for each in azure.operations() if each.startswith("POST")]
    provider.wrap(key, DEK, context, call)

    assert theirs == []
    assert azure.operations()[-1] == "POST wrapkey"
