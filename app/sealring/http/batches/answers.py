"""The answers of the batch routes, as schemas; render.py makes them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from sealring.http import examples
from sealring.http.objects.answers import Object, ObjectMetadata
from sealring.http.schemas import CODES, Answer

_EITHER = "There unless the item has an `error`."


class ItemError(Answer):
    status = fields.Integer(required=True, metadata={"description": "That of a request for this item alone."})
    code = fields.String(required=True, metadata={"description": "For programs.", "enum": CODES})
    message = fields.String(required=True, metadata={"description": "What is wrong, and what to do."})


class EncryptedItem(Answer):
    ciphertext = fields.String(
        metadata={
            "format": "byte",
            "description": f"{_EITHER} Keep it: the server does not store it.",
            "examples": [examples.CIPHERTEXT],
        }
    )
    error = fields.Nested(ItemError, metadata={"description": "Why the item was not encrypted."})


class DecryptedItem(Answer):
    plaintext = fields.String(
        metadata={"format": "byte", "description": f"{_EITHER} In base64.", "examples": [examples.PLAINTEXT]}
    )
    error = fields.Nested(ItemError, metadata={"description": "Why the item was not decrypted."})


class CreatedItem(Answer):
    metadata = fields.Nested(ObjectMetadata, metadata={"description": _EITHER})
    error = fields.Nested(ItemError, metadata={"description": "Why the object was not created."})


class ReadItem(Answer):
    object = fields.Nested(Object, metadata={"description": _EITHER})
    error = fields.Nested(ItemError, metadata={"description": "Why the object was not read."})


def _items(item: type[Schema]) -> fields.List[Any]:
    return fields.List(
        fields.Nested(item), required=True, metadata={"description": "One for each item, in the order of the request."}
    )


class EncryptedBatch(Answer):
    items = _items(EncryptedItem)


class DecryptedBatch(Answer):
    items = _items(DecryptedItem)


class CreatedBatch(Answer):
    items = _items(CreatedItem)


class ReadBatchAnswer(Answer):
    items = _items(ReadItem)
