"""The local provider: each KEK its own random key, wrapped by the root key."""

from __future__ import annotations

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring_local.spec import NAME
from sealring_plugin import Call, CiphertextRejected, KeyRef, WrapBinding, WrappedKey

ALG = "a256gcm"
KEK_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D 8.2.2; random, so at most 2**32 wraps a key
CACHED_KEKS = 1000

_MATERIAL_LABEL = b"sealring-local/v1/kek"


class LocalProvider:
    """Wraps with AES-256-GCM. Thread-safe. It announces itself as software-only.

    Permissions: read access to the root key file. Complete configuration:

        [plugins.local]
        root_key_file = "root.key"
    """

    def __init__(self, root: bytes) -> None:
        self._root = AESGCM(root)
        self._cipher = lru_cache(CACHED_KEKS)(self._open_material)

    def wrap(self, key: KeyRef, dek: bytes | bytearray, binding: WrapBinding, call: Call) -> WrappedKey:  # noqa: ARG002
        return WrappedKey(ALG, _encrypt(self._kek(key), dek, binding.aad))

    def unwrap(self, wrapped: WrappedKey, key: KeyRef, binding: WrapBinding, call: Call) -> bytearray:  # noqa: ARG002
        if wrapped.alg != ALG:
            raise CiphertextRejected("wrapped with another algorithm")
        return bytearray(_decrypt(self._kek(key), wrapped.blob, binding.aad))

    def create_key(self, key_id: str, version: int, scope: bytes, call: Call) -> KeyRef:  # noqa: ARG002
        material = _encrypt(self._root, os.urandom(KEK_BYTES), _material_aad(key_id, version, scope))
        return KeyRef(NAME, key_id, version, scope, material)

    def announcement(self) -> str:
        return "keys are in software, under the root key file: fine for trying out, weaker than an HSM"

    def close(self) -> None:
        self._cipher.cache_clear()

    def _kek(self, key: KeyRef) -> AESGCM:
        return self._cipher(key.material, _material_aad(key.key_id, key.version, key.scope))

    def _open_material(self, material: bytes, aad: bytes) -> AESGCM:
        return AESGCM(_decrypt(self._root, material, aad))


def _material_aad(key_id: str, version: int, scope: bytes) -> bytes:
    name = key_id.encode()
    return b"".join((_MATERIAL_LABEL, len(name).to_bytes(2, "big"), name, version.to_bytes(4, "big"), scope))


def _encrypt(cipher: AESGCM, plaintext: bytes | bytearray, aad: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, aad)


def _decrypt(cipher: AESGCM, blob: bytes, aad: bytes) -> bytes:
    try:
        return cipher.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], aad)
    except (InvalidTag, ValueError) as error:
        raise CiphertextRejected("does not open under this key and binding") from error
