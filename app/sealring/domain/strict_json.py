"""Strict reading of JSON objects from outside: only one interpretation, and limits for everything.

The number of items is limited before anything is parsed: 6 MB of `[],[],` make two million lists and cost a worker
seconds, mostly in the garbage collector.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import orjson

from sealring.domain.long_texts import Shortened, TooManyTexts

MAX_DEPTH = 32
MAX_ITEMS = 20_000  # objects, arrays, and commas between what is in them
LARGE_BYTES = 1 << 20  # of JSON whose longer texts are read by themselves
MAX_REST_BYTES = 8 << 20  # of what is left of it then: more than so many items need
MAX_DIGITS = 309  # of an integer: as many as the largest double has (RFC 8259 section 6)


class MalformedJson(ValueError):
    """The bytes are not one strict JSON object. The message never contains them."""


def parse_object(
    raw: bytes, max_items: int = MAX_ITEMS, parse_float: Callable[[str], object] = float
) -> dict[str, Any]:
    """Read one JSON object from UTF-8. `parse_float` makes what becomes of a number with a fraction or an exponent.

    Raises MalformedJson: not UTF-8 or not JSON; not an object; a duplicate member at any depth; NaN or Infinity; an
    integer of over 309 digits; lone surrogates; nesting deeper than 32 levels; over `max_items` objects, arrays and
    commas; over 8 MiB beside texts.
    """
    if len(raw) <= LARGE_BYTES:
        return _parsed(raw, max_items, parse_float)
    try:
        shortened = Shortened(raw, 2 * (max_items + 1))
        filled: dict[str, Any] = shortened.filled(_parsed(_small(shortened.json), max_items, parse_float))
    except TooManyTexts:
        raise _too_many(max_items) from None
    except ValueError as error:
        raise MalformedJson(str(error)) from None
    return filled


def _parsed(raw: bytes, max_items: int, parse_float: Callable[[str], object]) -> dict[str, Any]:
    """Raises MalformedJson."""
    if _items(raw) > max_items and _items(_without_texts(raw, max_items)) > max_items:
        raise _too_many(max_items)
    if parse_float is float and (quickly := _quickly(raw)) is not None:
        return quickly
    try:
        parsed = _decoder(parse_float).decode(raw.decode())
    except MalformedJson:
        raise
    except (ValueError, RecursionError):
        raise MalformedJson("not JSON in UTF-8") from None
    if not isinstance(parsed, dict):
        raise MalformedJson("not an object")
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _depth(_without_texts(raw, max_items)) > MAX_DEPTH:
        raise MalformedJson(f"nested deeper than {MAX_DEPTH} levels")
    if b"\\u" in raw and not _encodable(parsed):
        raise MalformedJson("a lone surrogate")
    return parsed


def _small(rest: bytes) -> bytes:
    if len(rest) > MAX_REST_BYTES:
        raise MalformedJson(f"over {MAX_REST_BYTES} bytes beside texts")
    return rest


def _too_many(max_items: int) -> MalformedJson:
    return MalformedJson(f"over {max_items} objects, arrays and commas")


def _quickly(raw: bytes) -> dict[str, Any] | None:
    """Return what the parser of the standard library makes of most objects, in half of its time; None: ask it.

    orjson drops all but the last of several members of one name. That shows: each name and each text has two quotes or
    more, and what was dropped is not counted.
    """
    try:
        parsed = orjson.loads(raw)
        return parsed if type(parsed) is dict and 2 * _texts(parsed) == raw.count(b'"') else None
    except ValueError:
        return None


def _texts(parsed: dict[str, Any]) -> int:
    """Count the names and texts in an object. Raises ValueError for a fraction, and for over MAX_DEPTH levels."""
    texts, level = 0, [parsed]
    for _ in range(MAX_DEPTH):
        names, level = _within(level)
        kinds = list(map(type, level))
        if float in kinds:  # an integer of over 64 bits, too
            raise ValueError
        texts += names + kinds.count(str)
        if dict not in kinds and list not in kinds:
            return texts
    raise ValueError


def _within(level: list[Any]) -> tuple[int, list[Any]]:
    """Return the number of the names in some values, and all values that are right in them."""
    names = 0
    inner: list[Any] = []
    for each in level:
        if type(each) is dict:
            names += len(each)
            inner += each.values()
        elif type(each) is list:
            inner += each
    return names, inner


def _items(raw: bytes) -> int:
    return len(raw) - len(raw.translate(None, b"[{,"))  # in one pass


def _without_texts(raw: bytes, max_items: int) -> bytes:
    """Return the bytes outside of strings, up to where a parser fails: at a backslash, or at the end of the bytes.

    It stops after so many strings, names or values, that too many items precede the last one.
    """
    pieces = raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"', 4 * max_items + 1)
    return b"".join(pieces[::2])


def _unique(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(members)
    if len(unique) != len(members):
        raise MalformedJson("a duplicate member")
    return unique


def _refuse(_constant: str) -> NoReturn:
    raise MalformedJson("NaN or Infinity")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:  # the cost of int() grows with their square
        raise MalformedJson(f"an integer of over {MAX_DIGITS} digits")
    return int(digits)


def _decoder(parse_float: Callable[[str], object]) -> json.JSONDecoder:
    if parse_float is float:
        return _DECODER
    return json.JSONDecoder(
        object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer, parse_float=parse_float
    )


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_integer)


_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _depth(raw: bytes) -> int:
    """Count the levels of objects and arrays in JSON without its strings, innermost first."""
    left = raw.translate(_TO_SQUARE, _NO_BRACKETS)
    depth = 0
    while left and depth <= MAX_DEPTH:
        depth += 1
        left = left.replace(b"[]", b"")
    return depth


def _encodable(parsed: object) -> bool:
    try:
        json.dumps(parsed, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True
