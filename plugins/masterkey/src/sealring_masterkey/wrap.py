"""The provider: DEKs of keyrings under a static master key, in the bytes of vault.v1.

A wrapped DEK is an Encrypted, under AES-256-GCM without additional data, of a DataEncryptionKey: id 1 (text),
created_at 2 (ms, int64), key 3. So the id is authenticated, and compared; the keyring is not, which other servers of
vault.v1 could not read.
"""

from __future__ import annotations

import os
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring_masterkey.keys import MasterKeys
from sealring_plugin import (
    DEK_BYTES,
    Call,
    CiphertextRejected,
    ManagedKey,
    RootLost,
    Unsupported,
    WrapContext,
    WrappedKey,
    protobuf,
)

ALG = "vault-v1-a256gcm"
NONCE_BYTES = 12  # NIST SP 800-38D 8.2.2
AES_256_GCM = 0  # the algorithm of an Encrypted


class MasterKeyProvider:
    """Wraps DEKs of keyrings, and no other keys. Thread-safe. It announces the ids of its keys.

    The pairs of a context are `dek_id` and `created_at`, in milliseconds since 1970. Permissions: read access to the
    file of master keys. Complete configuration:

        [plugins.masterkey]
        master_keys_file = "master-keys"
    """

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.keys.items()}

    def wrap(self, key: ManagedKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey:  # noqa: ARG002
        dek_id, created_at = _named(context)
        plain = b"".join(
            (
                protobuf.bytes_field(1, dek_id.encode()),
                protobuf.number_field(2, created_at),
                protobuf.bytes_field(3, bytes(dek)),
            )
        )
        nonce = os.urandom(NONCE_BYTES)
        return WrappedKey(ALG, self._encrypted(nonce, self._ciphers[self._keys.current].encrypt(nonce, plain, None)))

    def unwrap(self, wrapped: WrappedKey, key: ManagedKey, context: WrapContext, call: Call) -> bytearray:  # noqa: ARG002
        if wrapped.alg != ALG:
            raise CiphertextRejected("wrapped with another algorithm")
        try:
            fields = protobuf.parse(wrapped.blob)
            opened = protobuf.parse(self._opened(fields))
            dek_id, dek = protobuf.text_of(opened, 1), protobuf.bytes_of(opened, 3)
        except (ValueError, InvalidTag) as error:
            raise CiphertextRejected("does not open under its master key") from error
        if dek_id != _named(context)[0] or len(dek) != DEK_BYTES:
            raise CiphertextRejected("another DEK, or none")
        return bytearray(dek)

    def create_key(self, key_id: str, version: int, scope: bytes, domain: str, call: Call) -> ManagedKey:  # noqa: ARG002
        raise Unsupported("the keys are those of the file")

    def announcement(self) -> str:
        ids = list(self._keys.keys)
        return f"keyrings are under the static master key {ids[0]}; {', '.join(ids[1:]) or 'no other'} still unwraps"

    def close(self) -> None:
        self._ciphers.clear()

    def _encrypted(self, nonce: bytes, ciphertext: bytes) -> bytes:
        return b"".join(
            (
                protobuf.number_field(1, AES_256_GCM),
                protobuf.bytes_field(2, nonce),
                protobuf.bytes_field(3, ciphertext),
                protobuf.bytes_field(4, self._keys.current.encode()),
                protobuf.number_field(5, time.time_ns() // 1_000_000),
            )
        )

    def _opened(self, fields: protobuf.Fields) -> bytes:
        key_id, nonce = protobuf.text_of(fields, 4), protobuf.bytes_of(fields, 2)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise RootLost(f"master_keys_file has no master key of the id {key_id!r}; add it behind the current one")
        if protobuf.number_of(fields, 1) != AES_256_GCM or len(nonce) != NONCE_BYTES:
            raise CiphertextRejected("not wrapped as vault.v1 does")
        return cipher.decrypt(nonce, protobuf.bytes_of(fields, 3), None)


def _named(context: WrapContext) -> tuple[str, int]:
    """Return the id and the time of creation of the DEK. Raises CiphertextRejected for another kind of key."""
    try:
        return context.pairs["dek_id"], int(context.pairs["created_at"])
    except (KeyError, ValueError):
        raise CiphertextRejected("only DEKs of keyrings have a master key") from None
