"""The bytes that are authenticated beside a ciphertext. Explicit order and lengths, never JSON."""

from __future__ import annotations

from sealring.domain.envelope import Header

_WRAP_LABEL = b"sealring/v1/wrap"


def data_aad(header: Header, commitment: bytes) -> bytes:
    """What a value's ciphertext is bound to: H and the key commitment C."""
    return header.encoded + commitment


def wrap_aad(header: Header, *, kek_id: bytes, kek_version: int, share_index: int) -> bytes:
    """What a wrapped DEK is bound to: this header, this KEK in this version, this share."""
    return b"".join((_WRAP_LABEL, header.digest, kek_id, kek_version.to_bytes(4, "big"), bytes((share_index,))))
