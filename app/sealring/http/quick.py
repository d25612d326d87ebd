"""Checkers of members, made from schemas: they pass what is good in a tenth of marshmallow's time, and refuse nothing.

What they do not pass goes to the schema, which passes it all the same or words the refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, missing

Members = Mapping[str, Any]


def checker_of(schema: Schema) -> Checker | None:
    """Return the checker of a schema; None if a checker cannot do what the schema does."""
    plain = all(map(_is_plain, schema.load_fields.values())) and not any(schema._hooks.values())  # noqa: SLF001
    return Checker(schema) if plain and schema.unknown in {EXCLUDE, RAISE} else None


def _is_plain(field: fields.Field[Any]) -> bool:
    return not (field.validators or field.data_key or field.attribute or callable(field.load_default))


class Checker:
    """Calls what Field.deserialize would call, without choosing again for each member."""

    def __init__(self, schema: Schema) -> None:
        self._known = frozenset(schema.load_fields)
        self._strict = schema.unknown == RAISE
        self._steps = [
            (name, field._deserialize, field.required, field.load_default, bool(field.allow_none))  # noqa: SLF001
            for name, field in schema.load_fields.items()
        ]

    def __call__(self, members: Members) -> dict[str, Any] | None:
        """Return what the schema loads of the members; None: ask the schema."""
        if self._strict and not members.keys() <= self._known:
            return None
        loaded: dict[str, Any] = {}
        try:
            for name, deserialize, required, default, allows_none in self._steps:
                value = members.get(name, missing)
                if value is not missing and value is not None:
                    loaded[name] = deserialize(value, name, members)
                elif required or (value is None and not allows_none):
                    return None
                elif (found := default if value is missing else None) is not missing:
                    loaded[name] = found
        except ValidationError:
            return None
        return loaded
