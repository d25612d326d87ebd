"""The two forms of a message on the wire: proto and JSON. Both read and write the same members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson
from google.protobuf.message import DecodeError

from sealring.connect.codes import Code
from sealring.connect.entries import MAX_ITEMS, few_enough
from sealring.connect.messages import Shape, Text, json_name
from sealring.connect.refusals import Refused
from sealring.domain.strict_json import MalformedJson, parse_object

_Names = Sequence[tuple[str, str]]
_Steps = Sequence[tuple[str, str, "_Names | None"]]
Members = Mapping[str, Any]  # by a field's name: a text, or a map of texts or of members


class Form(Protocol):
    """A form of the messages of one method. Thread-safe."""

    content_type: str

    def read(self, raw: bytes) -> Any:
        """Return the members of a request. Raises Refused."""

    def write(self, answer: Any) -> bytes:
        """Return an answer's bytes."""


class Proto:
    """Protocol Buffers. Unknown fields are ignored."""

    content_type = "application/proto"

    def __init__(self, request: Shape, answer: Shape) -> None:
        self._request = request.message
        self._answer = answer.message
        self._texts = tuple(name for name, field in request.fields.items() if isinstance(field, Text))
        self._maps = {number: name for number, name in enumerate(request.fields, 1) if name not in self._texts}

    def read(self, raw: bytes) -> Members:
        if not few_enough(raw, self._maps):
            raise too_many()
        try:
            message = self._request.FromString(raw)
        except DecodeError:
            raise _malformed(
                "The message is not what the method takes, in Protocol Buffers with valid UTF-8."
            ) from None
        members: dict[str, Any] = {name: getattr(message, name) for name in self._texts}
        for name in self._maps.values():
            items = getattr(message, name)
            if len(items) > MAX_ITEMS:
                raise too_many()
            members[name] = dict(items)
        return members

    def write(self, answer: Members) -> bytes:
        return self._answer(**answer).SerializeToString()


class Json:
    """JSON. Fields are read in both spellings and written in lower camel case; unknown ones and nulls are ignored."""

    content_type = "application/json"

    def __init__(self, request: Shape, answer: Shape) -> None:
        self._names = request.by_json
        self._request = request
        self._steps = _steps(answer)
        self._defaults = {name: "" if isinstance(field, Text) else {} for name, field in request.fields.items()}

    def read(self, raw: bytes) -> Members:
        members, seen = self._defaults.copy(), set()
        for spelling, value in _object(raw).items():
            name = self._names.get(spelling)
            if name is None:
                continue
            if name in seen:
                raise _malformed(f"The field {name} is there in both spellings. Send one.")
            seen.add(name)
            if value is not None:
                _check(name, value, self._request)
                members[name] = value
        return members

    def write(self, answer: Members) -> bytes:
        return orjson.dumps(_named(answer, self._steps))


def too_many() -> Refused:
    return Refused(Code.RESOURCE_EXHAUSTED, f"The call has over {MAX_ITEMS} items or fields. Send fewer at once.")


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        return parse_object(raw)
    except MalformedJson as error:
        raise _malformed(f"The message is refused: {error}. Send one JSON object.") from error


def _check(name: str, value: object, shape: Shape) -> None:
    """Raises Refused for a value of another type than the field's."""
    if isinstance(shape.fields[name], Text):
        if not isinstance(value, str):
            raise _malformed(f"The field {name} is not a string.")
    elif not isinstance(value, dict) or not set(map(type, value.values())) <= {str}:
        raise _malformed(f"The field {name} is not an object of strings.")
    elif len(value) > MAX_ITEMS:
        raise too_many()


def _steps(shape: Shape) -> _Steps:
    """Return each field's name and its name in JSON, and the pairs of names of the messages that it maps to."""
    values = [None if isinstance(field, Text) else field.values for field in shape.fields.values()]
    return tuple(
        (name, json_name(name), None if of is None else tuple((each, json_name(each)) for each in of.fields))
        for name, of in zip(shape.fields, values, strict=True)
    )


def _named(members: Members, steps: _Steps) -> dict[str, Any]:
    """Return members by their names in JSON, without those that have their default."""
    named: dict[str, Any] = {}
    for name, spelling, of in steps:
        value = members[name]
        if value:
            named[spelling] = value if of is None else _each_named(value, of)
    return named


def _each_named(items: Mapping[str, Members], names: _Names) -> dict[str, dict[str, Any]]:
    """Likewise, the messages of a map, which have texts alone."""
    found: dict[str, dict[str, Any]] = {}
    for key, each in items.items():
        named = found[key] = {}
        for name, spelling in names:  # a comprehension takes twice as long
            value = each[name]
            if value:
                named[spelling] = value
    return found


def _malformed(message: str) -> Refused:
    return Refused(Code.INVALID_ARGUMENT, message)
