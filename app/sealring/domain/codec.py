"""Strict reading and writing of envelopes: one encoding for each value; unknown suites and trailing bytes refused."""

from __future__ import annotations

import struct
from functools import lru_cache

from sealring.domain.context import KeyContext
from sealring.domain.envelope import (
    COMMITMENT_BYTES,
    FORMAT,
    MAGIC,
    NONCE_BYTES,
    TAG_BYTES,
    Combine,
    DataKeyBlob,
    Envelope,
    Header,
    Suite,
    Wrap,
)
from sealring.domain.ids import NO_ORG, EnvironmentId, OrgId, environment_id, org_id
from sealring.domain.wire import MalformedBytes, Reader, lp8, lp16, lp32

MAX_WRAPS = 16
_HEAD = struct.Struct(">4sBHB32s")  # magic, format, suite, combine, message id
_ID_BYTES = {Suite.OBJECT: 16, Suite.DATA_KEY: 0}


def encode_envelope(envelope: Envelope) -> bytes:
    return b"".join(
        (
            envelope.header.encoded,
            _encode_wraps(envelope.wraps),
            envelope.commitment,
            envelope.nonce,
            lp32(envelope.ciphertext),
        )
    )


def parse_envelope(raw: bytes) -> Envelope:
    """Read an envelope. Raises MalformedBytes for anything that `encode_envelope` does not make."""
    reader = Reader(raw)
    header = _parse_header(reader, Suite.OBJECT)
    envelope = Envelope(
        header=header,
        wraps=_parse_wraps(reader, header.combine),
        commitment=reader.take(COMMITMENT_BYTES),
        nonce=reader.take(NONCE_BYTES),
        ciphertext=reader.lp32(),
    )
    reader.finish()
    if len(envelope.ciphertext) < TAG_BYTES:
        raise MalformedBytes("a ciphertext without a tag")
    return envelope


def encode_data_key(blob: DataKeyBlob) -> bytes:
    """Return a blob without its MAC, which crypto/blob_mac.py appends."""
    return b"".join(
        (blob.header.encoded, _encode_wraps(blob.wraps), blob.commitment, lp16(blob.context.canonical)),
    )


def parse_data_key(raw: bytes) -> DataKeyBlob:
    """Read a blob without its MAC. Raises MalformedBytes for anything that `encode_data_key` does not make."""
    reader = Reader(raw)
    header = _parse_header(reader, Suite.DATA_KEY)
    wraps = _parse_wraps(reader, header.combine)
    commitment = reader.take(COMMITMENT_BYTES)
    context = KeyContext.decode(reader.lp16())
    reader.finish()
    if context.digest != header.context_hash:
        raise MalformedBytes("a key context that is not the header's")
    return DataKeyBlob(header, wraps, commitment, context)


def _encode_wraps(wraps: tuple[Wrap, ...]) -> bytes:
    return bytes((len(wraps),)) + b"".join(
        b"".join(
            (
                lp8(wrap.provider.encode()),
                wrap.kek_id,
                wrap.kek_version.to_bytes(4, "big"),
                lp8(wrap.alg.encode()),
                bytes((wrap.share_index,)),
                lp16(wrap.blob),
            )
        )
        for wrap in wraps
    )


def _parse_header(reader: Reader, suite: Suite) -> Header:
    start = reader.offset
    magic, form, number, combine, message_id = _HEAD.unpack(reader.take(_HEAD.size))
    if (magic, form, number) != (MAGIC, FORMAT, suite):
        raise MalformedBytes("another magic, format or suite")
    header = Header(
        suite=suite,
        combine=_combine(combine),
        message_id=message_id,
        environment=_environment(reader.lp16()),
        org=_organization(reader.lp16()),
        object_id=reader.lp16(),
        version_id=reader.lp16(),
        context_hash=reader.take(32),
    )
    if len(header.object_id) != _ID_BYTES[suite] or len(header.version_id) != _ID_BYTES[suite]:
        raise MalformedBytes("an id of another length")
    header.__dict__["encoded"] = reader.since(start)  # fills the cached property: saves 8 µs
    return header


def _parse_wraps(reader: Reader, combine: Combine) -> tuple[Wrap, ...]:
    count = reader.number(1)
    if not 1 <= count <= MAX_WRAPS:
        raise MalformedBytes("no wrap, or too many")
    wraps = tuple(_parse_wrap(reader) for _ in range(count))
    expected = list(range(count)) if combine is Combine.ALL else [0] * count
    if [wrap.share_index for wrap in wraps] != expected:
        raise MalformedBytes("shares out of order")
    return wraps


def _parse_wrap(reader: Reader) -> Wrap:
    return Wrap(
        provider=_name(reader.lp8()),
        kek_id=reader.take(16),
        kek_version=reader.number(4),
        alg=_name(reader.lp8()),
        share_index=reader.number(1),
        blob=reader.lp16(),
    )


def _combine(number: int) -> Combine:
    try:
        return Combine(number)
    except ValueError as error:
        raise MalformedBytes("an unknown way to combine") from error


@lru_cache(1024)
def _environment(raw: bytes) -> EnvironmentId:
    environment = environment_id(_ascii(raw))
    if environment is None:
        raise MalformedBytes("not an environment id")
    return environment


@lru_cache(1024)
def _organization(raw: bytes) -> OrgId:
    if not raw:
        return NO_ORG
    org = org_id(_ascii(raw))
    if org is None:
        raise MalformedBytes("not an organization id")
    return org


@lru_cache(1024)
def _name(raw: bytes) -> str:
    if not 1 <= len(raw) <= 32:
        raise MalformedBytes("a name of another length")
    return _ascii(raw)


def _ascii(raw: bytes) -> str:
    if not raw.isascii():
        raise MalformedBytes("not ASCII")
    return raw.decode("ascii")
