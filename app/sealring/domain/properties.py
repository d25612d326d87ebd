"""Properties of a value that is a JSON object."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sealring.domain.strict_json import MalformedJson, parse_object


@dataclass(frozen=True, slots=True)
class _Number:
    """A number as it is written: a float would change some, and 1e400 is none."""

    text: str


def property_of(value: str, name: str) -> str | None:
    """Return a property as text: a string as it is, anything else as JSON without blanks.

    None if there is no such property, or if the value is not one strict JSON object.
    """
    try:
        properties = parse_object(value.encode(), parse_float=_Number)
    except MalformedJson:
        return None
    if name not in properties:
        return None
    found = properties[name]
    return found if isinstance(found, str) else _written(found)


def _written(value: object) -> str:
    """Write JSON. The levels are those that `parse_object` admits."""
    if isinstance(value, _Number):
        return value.text
    if isinstance(value, dict):
        members = (f"{_written(name)}:{_written(member)}" for name, member in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    return json.dumps(value, ensure_ascii=False)
