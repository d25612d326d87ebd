"""What the master keys promise: DEKs in the bytes of vault.v1, under a key that is checked when it is read."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring_masterkey.keys import MasterKeys, read_master_keys
from sealring_masterkey.spec import SPEC
from sealring_masterkey.wrap import ALG, MasterKeyProvider
from sealring_plugin import (
    DATA,
    Call,
    CiphertextRejected,
    ConfigInvalid,
    ManagedKey,
    ManagedKeys,
    Purpose,
    RootLost,
    RootName,
    Unsupported,
    WrapContext,
    WrappedKey,
)

CALL = Call(time.monotonic() + 3, "request-1", "", Purpose.ENCRYPT)
KEY = ManagedKey("masterkey", "master", 1, b"", RootName(DATA, 1))
DEK = bytearray(range(32))
CONTEXT = WrapContext({"dek_id": "dek_AbCdEfGhI", "created_at": "1700000000000"}, b"")

# Written out byte by byte from the field tables: id, time, key.
NINE = b"\x0a\x0dkek_AbCdEfGhI" + b"\x10\x80\xd0\x95\xff\xbc\x31" + b"\x1a\x20" + bytes(range(32))
TWENTY_SEVEN = b"\x0a\x1fkek_2AbCdEfGhIjKlMnOpQrStUvWxYz" + b"\x1a\x20" + bytes(32)


def line(raw):
    return base64.b64encode(raw).decode()


@pytest.fixture
def provider():
    return MasterKeyProvider(MasterKeys.parse(f"{line(NINE)}\n{line(TWENTY_SEVEN)}\n"))


@pytest.fixture
def written(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "master-keys"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


def test_it_is_a_provider_of_keys_of_ours(provider):
    assert isinstance(provider, ManagedKeys)
    assert provider.announcement() == (
        "keyrings are under the static master key kek_AbCdEfGhI; kek_2AbCdEfGhIjKlMnOpQrStUvWxYz still unwraps"
    )


def test_a_wrapped_dek_has_the_bytes_that_other_servers_write(provider):
    wrapped = provider.wrap(KEY, DEK, CONTEXT, CALL)

    blob = wrapped.blob
    assert (wrapped.alg, blob[:2], blob[14:16]) == ("vault-v1-a256gcm", b"\x12\x0c", b"\x1a\x48")
    assert blob[88:103] == b"\x22\x0dkek_AbCdEfGhI"
    opened = AESGCM(bytes(range(32))).decrypt(blob[2:14], blob[16:88], None)
    assert opened == b"\x0a\x0ddek_AbCdEfGhI\x10\x80\xd0\x95\xff\xbc\x31\x1a\x20" + bytes(range(32))


def test_what_another_server_wrapped_is_unwrapped_by_the_key_that_it_names(provider):
    inner = b"\x0a\x0ddek_AbCdEfGhI\x1a\x20" + bytes(range(32))
    ciphertext = AESGCM(bytes(32)).encrypt(bytes(12), inner, None)
    size = bytes((len(ciphertext),))
    blob = b"\x12\x0c" + bytes(12) + b"\x1a" + size + ciphertext + b"\x22\x1fkek_2AbCdEfGhIjKlMnOpQrStUvWxYz\x28\x01"

    assert provider.unwrap(WrappedKey(ALG, blob), KEY, CONTEXT, CALL) == DEK


def test_only_the_current_key_wraps_and_the_others_unwrap(provider):
    old = MasterKeyProvider(MasterKeys.parse(line(TWENTY_SEVEN))).wrap(KEY, DEK, CONTEXT, CALL)

    assert provider.unwrap(old, KEY, CONTEXT, CALL) == DEK
    with pytest.raises(RootLost):
        MasterKeyProvider(MasterKeys.parse(line(NINE))).unwrap(old, KEY, CONTEXT, CALL)


def test_the_dek_of_another_id_is_rejected(provider):
    wrapped = provider.wrap(KEY, DEK, CONTEXT, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, KEY, WrapContext({"dek_id": "dek_other", "created_at": "1"}, b""), CALL)


def test_each_bit_that_is_authenticated_counts(provider):
    blob = provider.wrap(KEY, DEK, CONTEXT, CALL).blob
    for position in range(8 * 88):  # beyond are the key's id and the time
        flipped = bytearray(blob)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises((CiphertextRejected, RootLost)):
            provider.unwrap(WrappedKey(ALG, bytes(flipped)), KEY, CONTEXT, CALL)


@pytest.mark.parametrize("size", [0, 1, 15, 87])
def test_a_truncated_dek_is_rejected(provider, size):
    blob = provider.wrap(KEY, DEK, CONTEXT, CALL).blob[:size]

    with pytest.raises((CiphertextRejected, RootLost)):
        provider.unwrap(WrappedKey(ALG, blob), KEY, CONTEXT, CALL)


def test_no_other_keys_are_made_or_wrapped(provider):
    with pytest.raises(Unsupported):
        provider.create_key("key-1", 1, b"", DATA, CALL)
    with pytest.raises(CiphertextRejected):
        provider.wrap(KEY, DEK, WrapContext({"organization_id": "org_acme"}, b"aad"), CALL)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "there is no key in it"),
        ("not base64!", "line 1 is not the base64 of a master key"),
        (f"{line(NINE)}\n{line(NINE)}", "line 2 has the id of an earlier one"),
        (line(NINE[:-1] + b""), "line 1 is not the base64 of a master key"),
        (line(NINE[:22] + b"\x1a\x10" + bytes(16)), "line 1 has a key of 16 bytes; AES-256 takes 32"),
        (line(NINE[:22]), "line 1 has a key of 0 bytes; AES-256 takes 32"),
        (line(NINE[15:]), "line 1 has no id, or one of more than letters, digits, '_' and '-'"),
    ],
)
def test_a_file_that_holds_anything_else_is_refused_when_it_is_read(written, text, wrong):
    path = written(text)

    with pytest.raises(ConfigInvalid) as refused:
        read_master_keys(path)

    assert str(refused.value) == f"master_keys_file {path}: {wrong}"


def test_a_file_that_others_can_read_is_refused(written):
    path = written(line(NINE), mode=0o644)

    with pytest.raises(ConfigInvalid):
        SPEC.build({"master_keys_file": path})


def test_no_key_is_shown(provider):
    keys = MasterKeys.parse(line(NINE))

    assert bytes(range(32)).hex() not in repr(keys)
    assert "\\x1f" not in repr(keys)
    assert "AESGCM" not in repr(provider)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_dek_of_another_length_is_rejected(provider, size):
    wrapped = provider.wrap(KEY, bytes(size), CONTEXT, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, KEY, CONTEXT, CALL)


def test_a_new_key_is_a_line_of_the_file_and_never_the_same():
    (command,) = SPEC.commands
    lines = [line for _ in range(100) for line in command.run({}, {})]

    found = MasterKeys.parse("\n".join(lines))

    assert command.name == "new-key"
    assert len({bytes(key) for key in found.keys.values()}) == len(found.keys) == 100
    assert {len(base64.b64decode(line)) for line in lines} == {56}  # as those of other servers
