"""Encryption of the file of root keys under a fresh key, and of that key under the recovery key.

Both use AES-256-GCM with a key that encrypts only once: the file's key is fresh, and the recovery key is expanded with
what its ciphertext is bound to.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring.crypto.data_key import DataKey
from sealring.crypto.hkdf import Extracted
from sealring.domain.root_seal import NONCE_BYTES, Root, RootSeal, SealHead
from sealring.domain.wire import lp16
from sealring.errors import IntegrityFailure

RECOVERY_KEY_BYTES = 32

_RECOVERY_LABEL = b"sealring/v1/root-seal/recovery"


def seal_root(root: Root, key: DataKey, head: SealHead, sealed_key: bytes) -> RootSeal:
    """Encrypt the file of root keys under `key`, bound to the head and the sealed form of `key`."""
    nonce = os.urandom(NONCE_BYTES)
    ciphertext = AESGCM(key.secret).encrypt(nonce, root.content, _bound(head, sealed_key))
    return RootSeal(head, sealed_key, nonce, ciphertext)


def open_root(seal: RootSeal, key: DataKey) -> Root:
    """Return the root keys. Raises IntegrityFailure if the key is another, or any bit of the seal was changed."""
    try:
        content = AESGCM(key.secret).decrypt(seal.nonce, seal.ciphertext, _bound(seal.head, seal.sealed_key))
    except InvalidTag as error:
        raise IntegrityFailure("seal") from error
    root = Root(seal.head.provider, content, seal.head.epochs)
    if root.id != seal.head.root_id:
        raise IntegrityFailure("seal of another root")
    return root


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """32 random bytes that open a seal of their own. They encrypt nothing themselves, and are no root key."""

    secret: bytes = field(repr=False)

    @classmethod
    def fresh(cls) -> Self:
        return cls(os.urandom(RECOVERY_KEY_BYTES))

    def seal(self, secret: bytearray, aad: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher(aad).encrypt(nonce, secret, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytearray:
        """Raises IntegrityFailure if it was sealed by another key or with another `aad`, or was altered."""
        try:
            return bytearray(self._cipher(aad).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad))
        except (InvalidTag, ValueError) as error:
            raise IntegrityFailure("seal of another recovery key") from error

    def _cipher(self, aad: bytes) -> AESGCM:
        return AESGCM(Extracted(_RECOVERY_LABEL, self.secret).expand(aad, 32))


def _bound(head: SealHead, sealed_key: bytes) -> bytes:
    return head.encoded + lp16(sealed_key)
