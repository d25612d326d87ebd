"""The key context: the string pairs that choose a key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from sealring.domain.ids import NO_ORG, OrgId, org_id
from sealring.domain.wire import MalformedBytes, Reader, lp16
from sealring.errors import InvalidKeyContext

MAX_PAIRS = 10
MAX_KEY_CHARACTERS = 120
MAX_VALUE_CHARACTERS = 500
SHORT_BYTES = 512  # of a canonical context; a context may have 25 KiB and more

_FEW, _SHORT_TEXT = 4, 64  # pairs, and characters of each part, of a context that is kept

Pairs = tuple[tuple[object, object], ...]

ORGANIZATION_KEYS = ("organization_id", "organizationId")  # the SDKs' samples use both spellings


@dataclass(frozen=True)
class KeyContext:
    """One to ten pairs of strings, sorted by key. Made by `of` or `decode`; after that nobody checks again."""

    pairs: tuple[tuple[str, str], ...]

    @staticmethod
    def of(mapping: Mapping[str, object]) -> KeyContext:
        """Check the pairs of a request.

        Raises InvalidKeyContext unless there are 1-10 pairs of strings, with keys of 1-120 and values of 1-500
        characters; also for lone surrogates or NUL, for two different organizations, and for an organization id
        outside `[A-Za-z0-9_-]{1,64}`.
        """
        pairs = tuple(mapping.items())
        return _known(pairs) if _are_few(pairs) else _checked(pairs)

    @staticmethod
    def decode(canonical: bytes) -> KeyContext:
        """Read what `canonical` made. Raises ValueError for anything else, including another order and duplicates."""
        return _cached(canonical) if len(canonical) <= SHORT_BYTES else _decoded(canonical)

    @cached_property
    def is_short(self) -> bool:
        """Whether caches may keep what is made of it: they count entries, and nobody may fill them with long ones."""
        return len(self.canonical) <= SHORT_BYTES

    @cached_property
    def canonical(self) -> bytes:
        """The pairs sorted by key (by code point), each part as u16 length and UTF-8. Injective."""
        encoded = [part.encode() for pair in self.pairs for part in pair]
        return b"".join(map(lp16, encoded))

    @cached_property
    def digest(self) -> bytes:
        """32 bytes that identify this context: the `context_hash` of an envelope."""
        return hashlib.sha256(self.canonical).digest()

    @cached_property
    def organization(self) -> OrgId:
        """The organization that the context names, or NO_ORG."""
        return next((OrgId(value) for key, value in self.pairs if key in ORGANIZATION_KEYS), NO_ORG)

    def items(self) -> tuple[KeyContext, ...]:
        """Each pair as a context of its own."""
        return tuple(KeyContext((pair,)) for pair in self.pairs)

    def as_dict(self) -> dict[str, str]:
        return dict(self.pairs)

    def check_organization(self) -> None:
        """Raises InvalidKeyContext for two organizations, and for an id that none can have."""
        named = {value for key, value in self.pairs if key in ORGANIZATION_KEYS}
        if len(named) > 1:
            raise InvalidKeyContext("Invalid key context: organization_id and organizationId differ. Send one of them.")
        if any(org_id(value) is None for value in named):
            raise InvalidKeyContext(
                "Invalid key context: an organization id has 1 to 64 characters of letters, digits, '_' and '-'."
            )


def _are_few(pairs: Pairs) -> bool:
    """Whether the caches may keep a context of a request, which is not checked yet."""
    if len(pairs) > _FEW:
        return False
    for key, value in pairs:  # a generator would take three times as long
        if type(key) is not str or type(value) is not str or len(key) > _SHORT_TEXT or len(value) > _SHORT_TEXT:
            return False
    return True


def _checked(pairs: Pairs) -> KeyContext:
    if not 1 <= len(pairs) <= MAX_PAIRS:
        raise InvalidKeyContext(f"Invalid key context: it needs 1 to {MAX_PAIRS} pairs of strings.")
    for key, value in pairs:
        _check_text(key, "key", MAX_KEY_CHARACTERS)
        _check_text(value, "value", MAX_VALUE_CHARACTERS)
    context = KeyContext(tuple(sorted((str(key), str(value)) for key, value in pairs)))
    context.check_organization()
    return context


_known = lru_cache(1024)(_checked)  # with what each keeps: its canonical form, its digest, its organization


def _decoded(canonical: bytes) -> KeyContext:
    reader = Reader(canonical)
    pairs = {}
    while not reader.exhausted:
        key = reader.lp16().decode()
        pairs[key] = reader.lp16().decode()
    try:
        context = KeyContext.of(pairs)
    except InvalidKeyContext as error:
        raise MalformedBytes("a key context that breaks a rule") from error
    if context.canonical != canonical:
        raise MalformedBytes("a key context that is not canonical")
    return context


_cached = lru_cache(1024)(_decoded)


def _check_text(text: object, part: str, limit: int) -> None:
    if not isinstance(text, str):
        raise InvalidKeyContext(f"Invalid key context: each {part} must be a string.")
    if not 1 <= len(text) <= limit:
        raise InvalidKeyContext(f"Invalid key context: each {part} has 1 to {limit} characters.")
    if "\0" in text or not _encodable(text):
        raise InvalidKeyContext(f"Invalid key context: a {part} holds NUL or a lone surrogate.")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
