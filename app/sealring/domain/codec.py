"""Strict reading and writing of envelopes: one encoding for each value; unknown suites and trailing bytes refused."""

from __future__ import annotations

import struct
from functools import lru_cache

from sealring.domain.batch import Head, Item
from sealring.domain.context import KeyContext
from sealring.domain.envelope import (
    COMMITMENT_BYTES,
    CONTEXT_HASH_BYTES,
    FORMAT,
    MAGIC,
    MESSAGE_ID_BYTES,
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
from sealring.domain.wire import MalformedBytes, lp8, lp16, lp32

MAX_WRAPS = 16
_HEAD = struct.Struct(">4sBHB32s")  # magic, format, suite, combine, message id
_MESSAGE_ID_AT = _HEAD.size - MESSAGE_ID_BYTES
_ITEM = struct.Struct(f">I{NONCE_BYTES}sI")  # index, nonce, size of the ciphertext
_ID_BYTES = {Suite.OBJECT: 16, Suite.DATA_KEY: 0, Suite.ITEM: 0}


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
    try:
        header, at = _take_header(raw, Suite.OBJECT)
        wraps, at = _take_wraps(raw, at, header.combine)
    except IndexError as error:
        raise MalformedBytes("truncated") from error
    nonce_at = at + COMMITMENT_BYTES
    size_at = nonce_at + NONCE_BYTES
    sealed_at = size_at + 4
    ciphertext = raw[sealed_at:]
    _check_end(len(raw), sealed_at + int.from_bytes(raw[size_at:sealed_at], "big"))
    if len(ciphertext) < TAG_BYTES:
        raise MalformedBytes("a ciphertext without a tag")
    return Envelope(header, wraps, raw[at:nonce_at], raw[nonce_at:size_at], ciphertext)


def encode_data_key(blob: DataKeyBlob) -> bytes:
    """Return a blob without its MAC, which crypto/blob_mac.py appends."""
    return b"".join(
        (blob.header.encoded, _encode_wraps(blob.wraps), blob.commitment, lp16(blob.context.canonical)),
    )


def parse_data_key(raw: bytes) -> DataKeyBlob:
    """Read a blob without its MAC. Raises MalformedBytes for anything that `encode_data_key` does not make."""
    blob, end = _take_key(raw, Suite.DATA_KEY)
    _check_end(len(raw), end)
    return blob


def head_of(key: DataKeyBlob) -> Head:
    """Return the head of items under a data key of a batch."""
    return Head(key, encode_data_key(key))


def encode_item(item: Item) -> bytes:
    """Return an item without its MAC."""
    return b"".join((item.head.encoded, _ITEM.pack(item.index, item.nonce, len(item.ciphertext)), item.ciphertext))


class ItemReader:
    """Reads items, and the head of those that have one in common only once. Not thread-safe."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}  # by message id

    def read(self, raw: bytes) -> Item:
        """Read an item without its MAC. Raises MalformedBytes for anything that `encode_item` does not make."""
        head = self._head(raw)
        sealed_at = len(head.encoded) + _ITEM.size
        if len(raw) < sealed_at + TAG_BYTES:
            raise MalformedBytes("truncated")
        index, nonce, size = _ITEM.unpack_from(raw, len(head.encoded))
        _check_end(len(raw), sealed_at + size)
        return Item(head, index, nonce, raw[sealed_at:])

    def _head(self, raw: bytes) -> Head:
        message_id = raw[_MESSAGE_ID_AT : _HEAD.size]
        known = self._heads.get(message_id)
        if known is not None and raw.startswith(known.encoded):  # a head has one encoding, and says where it ends
            return known
        key, end = _take_key(raw, Suite.ITEM)
        head = self._heads[message_id] = Head(key, raw[:end])
        return head


def encode_wrapping(combine: Combine, wraps: tuple[Wrap, ...]) -> bytes:
    """Return the wraps of a DEK that a keyring keeps, and how they combine."""
    return bytes((combine,)) + _encode_wraps(wraps)


def parse_wrapping(raw: bytes) -> tuple[Combine, tuple[Wrap, ...]]:
    """Raises MalformedBytes for anything that `encode_wrapping` does not make."""
    try:
        combine = _combine(raw[0])
        wraps, end = _take_wraps(raw, 1, combine)
    except IndexError as error:
        raise MalformedBytes("truncated") from error
    _check_end(len(raw), end)
    return combine, wraps


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


# Each of these returns what stands at an offset, and the offset after it. Missing bytes are an IndexError, or lead to
# an offset beyond the end, which `_check_end` refuses.


def _take_header(raw: bytes, suite: Suite) -> tuple[Header, int]:
    if len(raw) < _HEAD.size:
        raise MalformedBytes("truncated")
    magic, form, number, combine, message_id = _HEAD.unpack_from(raw)
    if (magic, form, number) != (MAGIC, FORMAT, suite):
        raise MalformedBytes("another magic, format or suite")
    environment, at = _take16(raw, _HEAD.size)
    org, at = _take16(raw, at)
    object_id, at = _take16(raw, at)
    version_id, at = _take16(raw, at)
    end = at + CONTEXT_HASH_BYTES
    header = Header(
        suite,
        _combine(combine),
        message_id,
        _environment(environment),
        _organization(org),
        object_id,
        version_id,
        raw[at:end],
    )
    if len(object_id) != _ID_BYTES[suite] or len(version_id) != _ID_BYTES[suite]:
        raise MalformedBytes("an id of another length")
    header.__dict__["encoded"] = raw[:end]  # fills the cached property
    return header, end


def _take_key(raw: bytes, suite: Suite) -> tuple[DataKeyBlob, int]:
    try:
        header, at = _take_header(raw, suite)
        wraps, at = _take_wraps(raw, at, header.combine)
        context, end = _take16(raw, at + COMMITMENT_BYTES)
    except IndexError as error:
        raise MalformedBytes("truncated") from error
    if end > len(raw):
        raise MalformedBytes("truncated")
    found = KeyContext.decode(context)
    if found.digest != header.context_hash:
        raise MalformedBytes("a key context that is not the header's")
    return DataKeyBlob(header, wraps, raw[at : at + COMMITMENT_BYTES], found), end


def _take_wraps(raw: bytes, at: int, combine: Combine) -> tuple[tuple[Wrap, ...], int]:
    count = raw[at]
    at += 1
    if not 1 <= count <= MAX_WRAPS:
        raise MalformedBytes("no wrap, or too many")
    wraps = []
    for index in range(count):
        wrap, at = _take_wrap(raw, at)
        if wrap.share_index != (index if combine is Combine.ALL else 0):
            raise MalformedBytes("shares out of order")
        wraps.append(wrap)
    return tuple(wraps), at


def _take_wrap(raw: bytes, at: int) -> tuple[Wrap, int]:
    provider, at = _take8(raw, at)
    kek_id, version, at = raw[at : at + 16], raw[at + 16 : at + 20], at + 20
    alg, at = _take8(raw, at)
    blob, end = _take16(raw, at + 1)
    return Wrap(_name(provider), kek_id, int.from_bytes(version, "big"), _name(alg), raw[at], blob), end


def _take8(raw: bytes, at: int) -> tuple[bytes, int]:
    end = at + 1 + raw[at]
    return raw[at + 1 : end], end


def _take16(raw: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + (raw[at] << 8 | raw[at + 1])
    return raw[at + 2 : end], end


def _check_end(size: int, end: int) -> None:
    if end != size:
        raise MalformedBytes("truncated" if end > size else "trailing bytes")


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
