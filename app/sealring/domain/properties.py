"""Properties of a value that is a JSON object."""

from __future__ import annotations

import json

from sealring.domain.strict_json import MalformedJson, parse_object


def property_of(value: str, name: str) -> str | None:
    """Return a property as text: a string as it is, anything else as JSON without blanks.

    None if there is no such property, or if the value is not one strict JSON object.
    """
    try:
        properties = parse_object(value.encode())
    except MalformedJson:
        return None
    if name not in properties:
        return None
    found = properties[name]
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, separators=(",", ":"))
