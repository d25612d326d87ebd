"""The additional authenticated data (AAD) of ciphertexts, with explicit order and lengths, never JSON."""

from __future__ import annotations

from sealring.domain.envelope import Header

_WRAP_LABEL = b"sealring/v1/wrap"


def data_aad(header: Header, commitment: bytes) -> bytes:
    """The AAD of a value's ciphertext: H and the key commitment C."""
    return header.encoded + commitment


def wrap_aad(header: Header, *, kek_id: bytes, kek_version: int, share_index: int) -> bytes:
    """The AAD of a wrapped DEK: this header, this KEK in this version, this share."""
    return b"".join((_WRAP_LABEL, header.digest, kek_id, kek_version.to_bytes(4, "big"), bytes((share_index,))))
