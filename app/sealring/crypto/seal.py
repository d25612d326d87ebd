"""Sealing a value under a data key, with a key commitment."""

from __future__ import annotations

import hmac
import os
from contextlib import ExitStack

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring.crypto.data_key import DataKey
from sealring.crypto.hkdf import Extracted
from sealring.domain.aad import data_aad
from sealring.domain.envelope import COMMITMENT_BYTES, DEK_BYTES, NONCE_BYTES, Envelope, Header, Wrap
from sealring.errors import IntegrityFailure

_ENCRYPT_LABEL = b"sealring/v1/enc"
_COMMIT_LABEL = b"sealring/v1/commit"


def seal(plaintext: bytes, *, dek: bytearray, header: Header, wraps: tuple[Wrap, ...]) -> Envelope:
    """Encrypt `plaintext` under a key derived from `dek`, bound to the header and to the commitment."""
    prk = _extract(dek, header)
    committed = _expand(prk, _COMMIT_LABEL, header, COMMITMENT_BYTES)
    nonce = os.urandom(NONCE_BYTES)
    ciphertext = _cipher(prk, header).encrypt(nonce, plaintext, data_aad(header, committed))
    return Envelope(header, wraps, committed, nonce, ciphertext)


def open_sealed(envelope: Envelope, dek: bytearray) -> bytes:
    """Return the plaintext. Raises IntegrityFailure if the DEK is not the committed one, or any bit was changed."""
    prk = _extract(dek, envelope.header)
    _check_commitment(prk, envelope.header, envelope.commitment)
    try:
        return _cipher(prk, envelope.header).decrypt(
            envelope.nonce, envelope.ciphertext, data_aad(envelope.header, envelope.commitment)
        )
    except InvalidTag as error:
        raise IntegrityFailure("ciphertext") from error


def commitment(dek: bytearray, header: Header) -> bytes:
    """Return 32 bytes that commit to `dek` under this header without revealing it."""
    return _expand(_extract(dek, header), _COMMIT_LABEL, header, COMMITMENT_BYTES)


def check_commitment(dek: bytearray, header: Header, expected: bytes) -> None:
    """Raises IntegrityFailure if `dek` is not the key that `expected` commits to."""
    _check_commitment(_extract(dek, header), header, expected)


def checked(dek: DataKey, header: Header, expected: bytes) -> DataKey:
    """Return the DEK. If it is not the key that `expected` commits to, wipe it, and raise IntegrityFailure."""
    with ExitStack() as stack:
        stack.enter_context(dek)
        check_commitment(dek.secret, header, expected)
        stack.pop_all()
    return dek


def _check_commitment(prk: Extracted, header: Header, expected: bytes) -> None:
    if not hmac.compare_digest(_expand(prk, _COMMIT_LABEL, header, COMMITMENT_BYTES), expected):
        raise IntegrityFailure("commitment")


def _extract(dek: bytearray, header: Header) -> Extracted:
    return Extracted(header.message_id, dek)


def _expand(prk: Extracted, label: bytes, header: Header, size: int) -> bytes:
    return prk.expand(label + header.suite.to_bytes(2, "big"), size)


def _cipher(prk: Extracted, header: Header) -> AESGCM:
    return AESGCM(_expand(prk, _ENCRYPT_LABEL, header, DEK_BYTES))
