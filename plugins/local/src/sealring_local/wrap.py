"""The local provider: each KEK is a random key, wrapped by a root key.

A root or a KEK never encrypts directly: each wrap uses a derived key, HKDF(root or KEK, bound data). The wrap AAD
differs for each header, KEK, version and share, so a derived key encrypts one DEK, or one share of it: once, or a few
times if a wrap is retried. So neither a root nor a KEK has the limit of 2**32 wraps of a key with random nonces of 96
bits (NIST SP 800-38D 8.3). The nonce is random nevertheless: a retry splits a DEK into different shares, and one key
must never encrypt two plaintexts with the same nonce.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring_local.roots import Roots
from sealring_local.spec import NAME
from sealring_plugin import Call, CiphertextRejected, ManagedKey, RootLost, RootName, WrapContext, WrappedKey

ALG = "hkdf-a256gcm"
KEK_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D 8.2.2
CACHED_KEKS = 1000

_KEK_LABEL = b"sealring-local/v1/kek"
_DEK_LABEL = b"sealring-local/v1/dek"


class LocalProvider:
    """Wraps with AES-256-GCM. Thread-safe. It announces itself as software-only.

    Permissions: read access to the root key file. Complete configuration:

        [plugins.local]
        root_key_file = "root.key"
    """

    def __init__(self, roots: Roots, *, sealed: bool = False) -> None:
        """`sealed`: whether the file of the roots was."""
        self._roots = roots
        self._sealed = sealed
        self._kek = lru_cache(CACHED_KEKS)(self._open_kek)

    def wrap(self, key: ManagedKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey:  # noqa: ARG002
        return WrappedKey(ALG, _encrypt(self._kek(key), dek, _DEK_LABEL + context.aad))

    def unwrap(self, wrapped: WrappedKey, key: ManagedKey, context: WrapContext, call: Call) -> bytearray:  # noqa: ARG002
        if wrapped.alg != ALG:
            raise CiphertextRejected("wrapped with another algorithm")
        return bytearray(_decrypt(self._kek(key), wrapped.blob, _DEK_LABEL + context.aad))

    def create_key(self, key_id: str, version: int, scope: bytes, domain: str, call: Call) -> ManagedKey:  # noqa: ARG002
        root = self._roots.newest(domain)
        bound = _record(key_id, version, scope, root)
        return ManagedKey(
            NAME, key_id, version, scope, root, _encrypt(self._roots.keys[root], os.urandom(KEK_BYTES), bound)
        )

    def announcement(self) -> str:
        if self._sealed:
            return "keys are in software, under root keys that were sealed, and are in the memory of the server"
        return "keys are in software, under the root key file: good for trying sealring, weaker than an HSM"

    def close(self) -> None:
        self._kek.cache_clear()

    def _open_kek(self, key: ManagedKey) -> bytes:
        root = self._roots.keys.get(key.root)
        if root is None:
            raise RootLost(
                f"the root key file has no root {key.root.domain}/{key.root.epoch}; restore it from your backup"
            )
        kek = _decrypt(root, key.material, _record(key.key_id, key.version, key.scope, key.root))
        if len(kek) != KEK_BYTES:
            raise CiphertextRejected("not the material of a key of this provider")
        return kek


def _record(key_id: str, version: int, scope: bytes, root: RootName) -> bytes:
    """Return the bytes that the material of a KEK is bound to."""
    name, domain = key_id.encode(), root.domain.encode()
    return b"".join(
        (
            _KEK_LABEL,
            len(domain).to_bytes(1, "big") + domain,
            root.epoch.to_bytes(4, "big"),
            len(name).to_bytes(2, "big") + name,
            version.to_bytes(4, "big"),
            scope,
        )
    )


def _encrypt(key: bytes, plaintext: bytes | bytearray, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(key, bound).encrypt(nonce, plaintext, None)


def _decrypt(key: bytes, blob: bytes, bound: bytes) -> bytes:
    try:
        return _cipher(key, bound).decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], None)
    except (InvalidTag, ValueError) as error:
        raise CiphertextRejected("does not open under this key and context") from error


def _cipher(key: bytes, bound: bytes) -> AESGCM:
    """HKDF-Expand with SHA-256 of one block (RFC 5869 2.3; the key is random: nothing to extract, 3.3)."""
    return AESGCM(hmac.digest(key, bound + b"\x01", hashlib.sha256))
