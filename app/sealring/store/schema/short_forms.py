"""Short forms of what records of objects hold: numbers, ids, key contexts, wraps. Each value has exactly one form.

    number        7 bits a byte, the lowest first; the highest bit of a byte says that another one follows (LEB128)
    environment   16: the ULID in `environment_<ULID>`
    organization  0x80 ‖ 16, the ULID in `org_<ULID>`; any other id: its length u8 ‖ the id
    context       number of bytes that follow ‖ pairs, in their order: 0x00 for organization_id with the organization of
                  the record; any other pair: number, length of the key ‖ key ‖ number, length of the value ‖ value
    wrap          algorithm ‖ KEK id 16 ‖ number, KEK version ‖ number, length of the blob ‖ blob
    algorithm     u8, a place in ALGORITHMS from 1 on; any other: 0x00 ‖ lp8(provider) ‖ lp8(algorithm)

The functions that read take the bytes and an offset, and return what stands there and the offset after it. Bytes that
are missing at the end raise IndexError, or lead to an offset beyond the end, which the caller has to check.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sealring.domain.codec import MAX_WRAPS
from sealring.domain.context import SHORT_BYTES, KeyContext
from sealring.domain.envelope import Combine, Wrap
from sealring.domain.ids import NO_ORG, ULID_ALPHABET, EnvironmentId, OrgId, environment_id, org_id
from sealring.domain.wire import MalformedBytes, lp8, lp16

KEK_ID_BYTES = 16
ULID_BYTES = 16

# Part of the format: what is in it never changes, and new ones go to its end.
ALGORITHMS = (
    ("local", "hkdf-a256gcm"),
    ("hsm", "hsm-a256gcm"),
    ("hsm", "hsm-a256gcm-iv16"),
    ("awskms", "aws-symmetric-default"),
    ("azurekv", "azure-rsa-oaep-256"),
    ("azurekv", "azure-a256gcm"),
)

_NUMBER_BITS = 64
_MAX_KEK_VERSION = 0xFFFF_FFFF
_SHORT = tuple(bytes((number,)) for number in range(128))
_ENVIRONMENT = "environment_"
_ULID_ORG = re.compile(rf"org_([0-7][{ULID_ALPHABET}]{{25}})")
_ULID_FORM = 0x80
_OWN_ORGANIZATION = "organization_id"
_CODES = {names: bytes((code,)) for code, names in enumerate(ALGORITHMS, 1)}


def encode_number(number: int) -> bytes:
    """Raises ValueError for less than 0."""
    if 0 <= number < 128:
        return _SHORT[number]
    if number < 0:
        raise ValueError("a number below 0")
    low = bytearray()
    while number > 127:
        low.append(number & 127 | 128)
        number >>= 7
    low.append(number)
    return bytes(low)


def take_number(raw: bytes, at: int) -> tuple[int, int]:
    """Raises MalformedBytes for more than 64 bits, and for a number that is longer than it has to be."""
    number = raw[at]
    at += 1
    if number < 128:
        return number, at
    number &= 127
    shift = 7
    while (part := raw[at]) > 127:
        number |= (part & 127) << shift
        shift += 7
        at += 1
        if shift > _NUMBER_BITS:
            raise MalformedBytes("a number that is too long")
    number |= part << shift
    if part == 0 or number >> _NUMBER_BITS:
        raise MalformedBytes("a number that is too long")
    return number, at + 1


@lru_cache(1024)
def encode_environment(environment: EnvironmentId) -> bytes:
    if environment_id(environment) is None:
        raise ValueError("not an environment id")
    return _ulid_bytes(environment.removeprefix(_ENVIRONMENT))


@lru_cache(1024)
def environment_of(raw: bytes) -> EnvironmentId:
    """Return the environment of 16 bytes."""
    if len(raw) != ULID_BYTES:
        raise MalformedBytes("truncated")
    return EnvironmentId(_ENVIRONMENT + _ulid_text(raw))


@lru_cache(4096)
def encode_org(org: OrgId) -> bytes:
    found = _ULID_ORG.fullmatch(org)
    return bytes((_ULID_FORM,)) + _ulid_bytes(found[1]) if found else lp8(org.encode())


def take_org(raw: bytes, at: int) -> tuple[OrgId, int]:
    first = raw[at]
    end = at + 1 + (ULID_BYTES if first == _ULID_FORM else first)
    return _org(raw[at:end]), end


@lru_cache(4096)
def _org(form: bytes) -> OrgId:
    text = form[1:]
    if form[0] == _ULID_FORM:
        if len(text) != ULID_BYTES:
            raise MalformedBytes("truncated")
        return OrgId(f"org_{_ulid_text(text)}")
    if len(text) != form[0]:
        raise MalformedBytes("truncated")
    org = org_id(text.decode("ascii")) if text else NO_ORG
    if org is None or encode_org(org) != form:
        raise MalformedBytes("not an organization id, or not in its form")
    return org


def encode_context(context: KeyContext) -> bytes:
    return _cached_form(context) if context.is_short else _form(context)


def _form(context: KeyContext) -> bytes:
    pairs = b"".join(_pair(*pair) for pair in context.pairs)
    return encode_number(len(pairs)) + pairs


_cached_form = lru_cache(1024)(_form)


def take_context(raw: bytes, at: int, org: OrgId) -> tuple[KeyContext, int]:
    """`org`: of the record. Raises MalformedBytes for a context of another organization."""
    size, at = take_number(raw, at)
    end = at + size
    read = _cached_context if size <= SHORT_BYTES else _context
    return read(raw[at:end], org), end


def _pair(key: str, value: str) -> bytes:
    if key == _OWN_ORGANIZATION:
        return b"\0"
    name, text = key.encode(), value.encode()
    return b"".join((encode_number(len(name)), name, encode_number(len(text)), text))


def _context(pairs: bytes, org: OrgId) -> KeyContext:
    canonical = bytearray()
    at = 0
    while at < len(pairs):
        size, at = take_number(pairs, at)
        if size == 0:
            canonical += lp16(_OWN_ORGANIZATION.encode()) + lp16(org.encode())
            continue
        key, at = pairs[at : at + size], at + size
        size, at = take_number(pairs, at)
        value, at = pairs[at : at + size], at + size
        canonical += lp16(key) + lp16(value)
    context = KeyContext.decode(bytes(canonical))
    if context.organization != org or encode_context(context) != encode_number(len(pairs)) + pairs:
        raise MalformedBytes("a key context of another organization, or not in its form")
    return context


_cached_context = lru_cache(1024)(_context)


def encode_wraps(wraps: tuple[Wrap, ...]) -> bytes:
    """The shares have to be in their order: their indexes are not written."""
    return _SHORT[len(wraps)] + b"".join(map(_encode_wrap, wraps))


def _encode_wrap(wrap: Wrap) -> bytes:
    code = _CODES.get((wrap.provider, wrap.alg)) or b"\0" + lp8(wrap.provider.encode()) + lp8(wrap.alg.encode())
    size = encode_number(len(wrap.blob))
    return b"".join((code, wrap.kek_id, encode_number(wrap.kek_version), size, wrap.blob))


def take_wraps(raw: bytes, at: int, combine: Combine) -> tuple[tuple[Wrap, ...], int]:
    count = raw[at]
    at += 1
    if not 1 <= count <= MAX_WRAPS:
        raise MalformedBytes("no wrap, or too many")
    shares = combine is Combine.ALL
    wraps = []
    for index in range(count):
        (provider, alg), at = _take_algorithm(raw, at)
        kek_id = raw[at : at + KEK_ID_BYTES]
        version, at = take_number(raw, at + KEK_ID_BYTES)
        size, at = take_number(raw, at)
        if version > _MAX_KEK_VERSION:
            raise MalformedBytes("a KEK version that is too large")
        wraps.append(Wrap(provider, kek_id, version, alg, index if shares else 0, raw[at : at + size]))
        at += size
    return tuple(wraps), at


def _take_algorithm(raw: bytes, at: int) -> tuple[tuple[str, str], int]:
    code = raw[at]
    if code:
        return ALGORITHMS[code - 1], at + 1  # an unknown one is an IndexError
    middle = at + 2 + raw[at + 1]
    end = middle + 1 + raw[middle]
    names = _name(raw[at + 2 : middle]), _name(raw[middle + 1 : end])
    if names in _CODES:
        raise MalformedBytes("an algorithm that has a code")
    return names, end


@lru_cache(1024)
def _name(raw: bytes) -> str:
    if not 1 <= len(raw) <= 32 or not raw.isascii():
        raise MalformedBytes("not the name of a provider or an algorithm")
    return raw.decode("ascii")


def _ulid_bytes(text: str) -> bytes:
    number = 0
    for character in text:
        number = number << 5 | ULID_ALPHABET.index(character)
    return number.to_bytes(ULID_BYTES, "big")


def _ulid_text(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    return "".join(ULID_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
