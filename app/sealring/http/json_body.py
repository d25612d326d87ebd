"""JSON bodies, read strictly: no duplicate members, no NaN, no lone surrogates, at most 32 levels."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from sealring.errors import MalformedRequest

MAX_DEPTH = 32


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object that `raw` is. Raises MalformedRequest for everything else."""
    try:
        parsed = _DECODER.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _StrictError) else "Malformed JSON"
        raise MalformedRequest(f"{reason}. Send one JSON object.") from error
    if not isinstance(parsed, dict):
        raise MalformedRequest("Malformed body. Send one JSON object.")
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(parsed) > MAX_DEPTH:
        raise MalformedRequest(f"JSON nested deeper than {MAX_DEPTH} levels. Send one JSON object.")
    if b"\\u" in raw and not _encodable(parsed):
        raise MalformedRequest("JSON with a lone surrogate. Send valid Unicode.")
    return parsed


class _StrictError(ValueError):
    pass


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _StrictError("JSON with a member twice")
    return members


def _constant(name: str) -> NoReturn:
    raise _StrictError(f"JSON with {name}")


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_constant)


def _depth(parsed: object) -> int:
    """Levels of nesting; the parser's own recursion limit bounds the input."""
    level: list[object] = [parsed]
    depth = 0
    while level:
        level = [child for each in level for child in _children(each)]
        depth += 1
    return depth


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _encodable(parsed: object) -> bool:
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
