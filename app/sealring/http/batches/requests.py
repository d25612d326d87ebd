"""The requests of the batch routes, as schemas: of a whole one, and of each item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from marshmallow import Schema, ValidationError, fields, validate

from sealring.admission.guard import invalid
from sealring.domain.batch import MAX_ITEMS
from sealring.domain.envelope_texts import decoded
from sealring.errors import InvalidBody
from sealring.http import examples
from sealring.http.batches.quick import text_size
from sealring.http.fields import KeyContextField, NameField
from sealring.http.objects.requests import CreateObject
from sealring.http.schemas import Strict
from sealring.many import bare, in_turns

_ITEM_BYTES = 16_384  # the time of refusing a small item compares to that of reading so many bytes

Members = Mapping[str, Any]
T = TypeVar("T")


class Base64Field(fields.Field[bytes]):
    """Bytes, in base64 with padding (RFC 4648, section 4)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:  # noqa: ARG002
        if not isinstance(value, str):
            raise ValidationError("Not a string of base64.")
        try:
            return decoded(value)
        except ValueError as error:
            raise ValidationError("Not base64 with padding.") from error


class ItemsField(fields.List[Members]):
    """The items of a batch. Only their number is checked with the request: each has an answer of its own."""

    def __init__(self, item: type[Schema], *, description: str) -> None:
        super().__init__(
            fields.Nested(item),
            required=True,
            validate=validate.Length(1, MAX_ITEMS),
            metadata={"description": description},
        )
        self.item = item()

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:  # noqa: ARG002
        if not isinstance(value, list):
            raise ValidationError(f"Send a list of 1 to {MAX_ITEMS} items.")
        return value


class ItemToEncrypt(Strict):
    key_context = KeyContextField(
        required=True, metadata={"description": "Chooses the key.", "examples": [examples.CONTEXT]}
    )
    plaintext = Base64Field(
        required=True,
        metadata={
            "type": "string",
            "format": "byte",
            "description": "What to encrypt, in base64.",
            "examples": [examples.PLAINTEXT],
        },
    )


class ItemToDecrypt(Strict):
    ciphertext = Base64Field(
        required=True,
        metadata={
            "type": "string",
            "format": "byte",
            "description": "A value of `ciphertext`, unchanged.",
            "examples": [examples.CIPHERTEXT],
        },
    )


class ItemToCreate(Strict):
    name = NameField(required=True, metadata=CreateObject().fields["name"].metadata)
    value = fields.String(required=True, metadata=CreateObject().fields["value"].metadata)
    key_context = KeyContextField(required=True, metadata=CreateObject().fields["key_context"].metadata)


class ItemToRead(Strict):
    id = fields.String(
        load_default=None, metadata={"description": "The object's id.", "examples": [examples.OBJECT_ID]}
    )
    name = NameField(load_default=None, metadata={"description": "The object's name, instead of its id."})
    organization_id = fields.String(
        load_default=None,
        metadata={
            "description": "The organization that has the object of that name, if the token is for several.",
            "pattern": "^[A-Za-z0-9_-]{1,64}$",
        },
    )


class EncryptBatch(Strict):
    items = ItemsField(ItemToEncrypt, description="What to encrypt.")


class DecryptBatch(Strict):
    items = ItemsField(ItemToDecrypt, description="What to decrypt, of any batches and in any order.")


class CreateBatch(Strict):
    items = ItemsField(ItemToCreate, description="The objects to create.")


class ReadBatch(Strict):
    items = ItemsField(ItemToRead, description="The objects to read, each by its id or by its name.")


def loaded(
    batch: type[Schema],
    body: Members,
    make: Callable[[int, Members], T],
    quickly: Callable[[Sequence[Any]], Sequence[T | None]] = lambda items: [None] * len(items),
) -> tuple[dict[int, T], dict[int, InvalidBody]]:
    """Check each item, and return what `make` makes of the good ones, and what is wrong with others, by place.

    `quickly` makes the same of most good items in a fifth of the time; None: ask the schema.
    """
    schema, items = _item_schema(batch), body["items"]
    found = quickly(items)
    good = {place: made for place, made in enumerate(found) if made is not None}
    bad: dict[int, InvalidBody] = {}
    rest = [place for place, made in enumerate(found) if made is None]

    def checked(places: Sequence[int]) -> Sequence[T | InvalidBody]:
        return [_checked(schema, place, items[place], make) for place in places]

    weights = [_ITEM_BYTES + text_size(items[place]) for place in rest]
    for place, made in zip(rest, in_turns(rest, weights, checked), strict=True):
        if isinstance(made, InvalidBody):
            bad[place] = made
        else:
            good[place] = made
    return dict(sorted(good.items())), bad


def _checked(schema: Schema, place: int, item: Any, make: Callable[[int, Members], T]) -> T | InvalidBody:
    try:
        return make(place, _loaded(schema, item))
    except InvalidBody as error:
        return bare(error)


@cache
def _item_schema(batch: type[Schema]) -> Schema:
    field = batch().fields["items"]
    assert isinstance(field, ItemsField), "a batch has items"
    return field.item


def _loaded(schema: Schema, item: Any) -> Members:
    """Raises InvalidBody."""
    if not isinstance(item, dict):
        raise InvalidBody("item: Not an object. Send one for each item.")
    try:
        members: Members = schema.load(item)
    except ValidationError as error:
        raise invalid(error.with_traceback(None)) from None  # as in the guard
    return members
