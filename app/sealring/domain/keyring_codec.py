"""The bytes of keyrings: envelopes of values, and wrapped DEKs. docs/formats.md describes them.

Both are messages of Protocol Buffers that other servers of vault.v1 read and write as well:

    Encrypted                    algorithm 1, nonce 2, ciphertext 3, encryption_key_id 4 (text), time 5 (ms, int64)
    EncryptedDataEncryptionKey   id 1 (text), created_at 2 (ms, int64), encrypted 3 (Encrypted)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from sealring.domain.codec import encode_wrapping, parse_wrapping
from sealring.domain.envelope import COMMITMENT_BYTES, NONCE_BYTES, TAG_BYTES, Combine, Wrap
from sealring.domain.ids import uuid_text
from sealring.domain.keyrings import DekId, OwnedKeyring, dek_id
from sealring.domain.wire import MalformedBytes, lp16
from sealring_plugin import protobuf

_ENVELOPE_LABEL = b"sealring/v1/keyring/envelope"


class Algorithm(IntEnum):
    """What an Encrypted holds. Other servers know only the first; they ignore the number, and fail to open the rest."""

    AES_256_GCM = 0  # no additional data
    AES_256_GCM_BOUND = 100  # additional data: `bound_aad`
    WRAPS = 101  # of a DEK only: no nonce, and as ciphertext what `encode_wraps` returns


@dataclass(frozen=True, slots=True)
class Encrypted:
    """An Encrypted, with any algorithm."""

    algorithm: int
    nonce: bytes
    ciphertext: bytes
    key_id: str
    time: int  # milliseconds since 1970

    def encode(self) -> bytes:
        return b"".join(
            (
                protobuf.number_field(1, self.algorithm),
                protobuf.bytes_field(2, self.nonce),
                protobuf.bytes_field(3, self.ciphertext),
                protobuf.bytes_field(4, self.key_id.encode()),
                protobuf.number_field(5, self.time),
            )
        )


@dataclass(frozen=True, slots=True)
class WrappedDek:
    """What a record of a DEK holds."""

    id: str
    created_at: int  # milliseconds since 1970
    encrypted: bytes = field(repr=False)  # an encoded Encrypted

    def encode(self) -> bytes:
        return b"".join(
            (
                protobuf.bytes_field(1, self.id.encode()),
                protobuf.number_field(2, self.created_at),
                protobuf.bytes_field(3, self.encrypted),
            )
        )


@dataclass(frozen=True, slots=True)
class Wraps:
    """A DEK under KEKs of providers, and what commits to it."""

    combine: Combine
    commitment: bytes
    wraps: tuple[Wrap, ...]


def parse_encrypted(raw: bytes) -> Encrypted:
    """Read an Encrypted. Raises ValueError for what is no such message."""
    fields = protobuf.parse(raw)
    return Encrypted(
        protobuf.number_of(fields, 1),
        protobuf.bytes_of(fields, 2),
        protobuf.bytes_of(fields, 3),
        protobuf.text_of(fields, 4),
        protobuf.number_of(fields, 5),
    )


def parse_envelope(raw: bytes) -> tuple[Encrypted, DekId]:
    """Read the envelope of a value, and the id of its DEK. Raises ValueError."""
    found = parse_encrypted(raw)
    named = dek_id(found.key_id)
    if found.algorithm not in {Algorithm.AES_256_GCM, Algorithm.AES_256_GCM_BOUND}:
        raise MalformedBytes("an unknown algorithm")
    if len(found.nonce) != NONCE_BYTES or len(found.ciphertext) < TAG_BYTES or named is None:
        raise MalformedBytes("a nonce, a ciphertext or a key id of another form")
    return found, named


def parse_wrapped_dek(raw: bytes) -> WrappedDek:
    """Raises ValueError."""
    fields = protobuf.parse(raw)
    return WrappedDek(protobuf.text_of(fields, 1), protobuf.number_of(fields, 2), protobuf.bytes_of(fields, 3))


def encode_wraps(wraps: Wraps) -> bytes:
    """`commitment 32 ‖ combine u8 ‖ n u8 ‖ n x wrap`, as in an envelope of an object."""
    return wraps.commitment + encode_wrapping(wraps.combine, wraps.wraps)


def parse_wraps(raw: bytes) -> Wraps:
    """Raises ValueError for anything that `encode_wraps` does not make."""
    combine, wraps = parse_wrapping(raw[COMMITMENT_BYTES:])
    return Wraps(combine, raw[:COMMITMENT_BYTES], wraps)


def bound_aad(ring: OwnedKeyring, key_id: DekId, time: int) -> bytes:
    """The additional data of a value in a bound envelope: its keyring, its DEK and its time."""
    return b"".join((_ENVELOPE_LABEL, ring.encoded, lp16(key_id.encode()), (time % (1 << 64)).to_bytes(8, "big")))


def kek_ids(record: bytes) -> tuple[str, ...]:
    """Return the ids of the KEKs that a DEK is wrapped under. Raises ValueError."""
    encrypted = parse_encrypted(parse_wrapped_dek(record).encrypted)
    if encrypted.algorithm != Algorithm.WRAPS:
        return (encrypted.key_id,)
    return tuple(uuid_text(wrap.kek_id) for wrap in parse_wraps(encrypted.ciphertext).wraps)
