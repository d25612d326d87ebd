"""The cipher of a keyring's DEK: AES-256-GCM with random nonces, for the envelopes of vault.v1."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring.domain.envelope import NONCE_BYTES
from sealring.domain.keyring_codec import Algorithm, Encrypted, bound_aad
from sealring.domain.keyrings import DekId, OwnedKeyring
from sealring.errors import EnvelopeRejected


class KeyringCipher:
    """Seals and opens under one DEK, which is in OpenSSL's memory for as long as this object lives. Thread-safe."""

    __slots__ = ("_cipher", "_key_id", "_ring")

    def __init__(self, ring: OwnedKeyring, key_id: DekId, dek: bytearray) -> None:
        self._cipher = AESGCM(dek)
        self._ring = ring
        self._key_id = key_id

    def seal(self, plaintext: bytes, algorithm: Algorithm, time: int) -> bytes:
        """Return the envelope of a value; `time` is in milliseconds since 1970."""
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = self._cipher.encrypt(nonce, plaintext, self._aad(algorithm, time))
        return Encrypted(algorithm, nonce, ciphertext, self._key_id, time).encode()

    def open(self, envelope: Encrypted) -> bytes:
        """Raises EnvelopeRejected unless the envelope was sealed under this DEK, and no bit was changed."""
        aad = self._aad(envelope.algorithm, envelope.time)
        try:
            return self._cipher.decrypt(envelope.nonce, envelope.ciphertext, aad)
        except InvalidTag:
            raise EnvelopeRejected("ciphertext") from None

    def _aad(self, algorithm: int, time: int) -> bytes | None:
        return bound_aad(self._ring, self._key_id, time) if algorithm == Algorithm.AES_256_GCM_BOUND else None

    def __repr__(self) -> str:
        return "KeyringCipher(…)"
