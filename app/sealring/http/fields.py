"""Our own fields for the schemas."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, types

from sealring.domain.context import KeyContext
from sealring.domain.record import MAX_NAME_CHARACTERS
from sealring.errors import InvalidKeyContext

_CONTROL = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0))))


class KeyContextField(fields.Field[KeyContext]):
    """A map of strings, checked as one value."""

    default_error_messages: types.ErrorMessages = {  # noqa: RUF012  as in the base class
        "required": "Invalid key context: it is missing. Send an object of string pairs.",
        "null": "Invalid key context: it is null. Send an object of string pairs.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> KeyContext:  # noqa: ARG002
        if not isinstance(value, dict):
            raise ValidationError("Invalid key context: it must be an object of string pairs.")
        try:
            return KeyContext.of(value)
        except InvalidKeyContext as error:
            raise ValidationError(str(error)) from error


class NameField(fields.String):
    """The name of an object."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if name is None or not 1 <= len(name) <= MAX_NAME_CHARACTERS or name.isspace():
            raise ValidationError(f"A name has 1 to {MAX_NAME_CHARACTERS} characters.")
        if name in {".", ".."} or not _CONTROL.isdisjoint(name):
            raise ValidationError("A name has no control characters, and is not '.' or '..'.")
        return name


class ValueField(fields.String):
    """A secret."""

    default_error_messages: types.ErrorMessages = {  # noqa: RUF012  as in the base class
        "invalid": "Not a string. JSON-encode it, or encode binary data in base64."
    }


class WholeNumberField(fields.Integer):
    """Only decimal digits: int() also accepts blanks, signs, underscores and the digits of other scripts."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 9):
            raise ValidationError("Not a whole number.")
        return super()._deserialize(value, attr, data, **kwargs)
