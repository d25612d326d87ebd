"""JSON objects as a token or a key set may hold them: no duplicate member, no NaN, no depth without end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NoReturn


class MalformedJson(ValueError):
    """The bytes are not one strict JSON object. Never carries them."""


def parse_object(raw: bytes) -> dict[str, object]:
    """Read one JSON object from UTF-8. Strings may hold lone surrogates: a text is checked where it is used.

    Raises MalformedJson: not UTF-8 or not JSON; not an object; a duplicate member at any depth; NaN or Infinity; an
    integer of thousands of digits; nesting beyond the interpreter's limit.
    """
    try:
        parsed = _DECODER.decode(raw.decode())
    except (ValueError, RecursionError):
        raise MalformedJson("not strict JSON") from None
    if not isinstance(parsed, dict):
        raise MalformedJson("not an object")
    return parsed


def _unique(members: Sequence[tuple[str, object]]) -> dict[str, object]:
    unique = dict(members)
    if len(unique) != len(members):
        raise MalformedJson("a duplicate member")
    return unique


def _refuse(_constant: str) -> NoReturn:
    raise MalformedJson("NaN or Infinity")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
