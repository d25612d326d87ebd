"""JSON objects from outside, read strictly: no duplicate members, no NaN, no lone surrogates, at most 32 levels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

MAX_DEPTH = 32


class MalformedJson(ValueError):
    """The bytes are not one strict JSON object. Never carries them."""


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read one JSON object from UTF-8.

    Raises MalformedJson: not UTF-8 or not JSON; not an object; a duplicate member at any depth; NaN or Infinity; an
    integer of thousands of digits; lone surrogates; nesting deeper than 32 levels.
    """
    try:
        parsed = _DECODER.decode(raw.decode())
    except MalformedJson:
        raise
    except (ValueError, RecursionError):
        raise MalformedJson("not JSON in UTF-8") from None
    if not isinstance(parsed, dict):
        raise MalformedJson("not an object")
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(parsed) > MAX_DEPTH:
        raise MalformedJson(f"nested deeper than {MAX_DEPTH} levels")
    if b"\\u" in raw and not _encodable(parsed):
        raise MalformedJson("a lone surrogate")
    return parsed


def _unique(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(members)
    if len(unique) != len(members):
        raise MalformedJson("a member twice")
    return unique


def _refuse(_constant: str) -> NoReturn:
    raise MalformedJson("NaN or Infinity")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def _depth(parsed: object) -> int:
    """Count the levels of objects and arrays; the parser's own recursion limit bounds them."""
    level = [parsed]
    depth = 0
    while level:
        depth += 1
        level = [inner for outer in level for inner in _members(outer) if isinstance(inner, dict | list)]
    return depth


def _members(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _encodable(parsed: object) -> bool:
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
