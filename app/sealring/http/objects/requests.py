"""The requests of the object routes, as schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from sealring.http import examples
from sealring.http.fields import KeyContextField, NameField, ValueField, WholeNumberField
from sealring.http.schemas import Strict, Tolerant

ORGANIZATION: Mapping[str, Any] = {"pattern": "^[A-Za-z0-9_-]{1,64}$", "examples": ["org_acme"]}


class CreateObject(Tolerant):
    name = NameField(
        required=True,
        metadata={
            "description": "Unique among the live objects of the organization. Not '.' or '..'; not only blanks.",
            "examples": [examples.NAME],
        },
    )
    value = ValueField(
        required=True,
        metadata={
            "description": "The secret. At most `max_value_bytes` of UTF-8 (a setting; 1 MiB by default).",
            "examples": [examples.VALUE],
        },
    )
    key_context = KeyContextField(
        required=True,
        metadata={"description": "Chooses the key, and can never be changed.", "examples": [examples.CONTEXT]},
    )


class UpdateObject(Tolerant):
    value = ValueField(
        required=True,
        metadata={"description": "The new secret, with the same limit as on create.", "examples": [examples.VALUE]},
    )
    version_check = fields.String(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The `version_id` that must still be current. Null: no check.",
            "examples": [examples.UUID],
        },
    )
    key_context = KeyContextField(
        load_default=None,
        allow_none=True,
        metadata={"description": "Not needed. One that differs from the object's is refused."},
    )
    context = KeyContextField(
        load_default=None, allow_none=True, metadata={"description": "Another spelling of `key_context`."}
    )


class ListQuery(Tolerant):
    limit = WholeNumberField(
        load_default=10, validate=validate.Range(1, 100), metadata={"description": "Rows on a page, at most."}
    )
    order = fields.String(
        load_default=None,
        validate=validate.OneOf(["asc", "desc"]),
        metadata={
            "description": "By the time of the last write: newest first (`desc`) unless a cursor says otherwise."
        },
    )
    before = fields.String(
        load_default=None,
        metadata={"description": "A cursor from `list_metadata.before`: the page before that one. Not with `after`."},
    )
    after = fields.String(
        load_default=None,
        metadata={"description": "A cursor from `list_metadata.after`: the page after that one. Not with `before`."},
    )
    search = fields.String(load_default="", metadata={"description": "A part of the name, in any case."})
    updatedAfter = fields.String(  # noqa: N815  the spelling of the specification
        load_default=None,
        metadata={
            "description": "Only objects written later than this. ISO 8601 with or without seconds, fraction and "
            "offset (UTC if there is none), or the format of JavaScript's Date.",
            "examples": ["2026-01-31T12:00:00Z"],
        },
    )
    updated_after = fields.String(
        load_default=None, metadata={"description": "Another spelling of `updatedAfter`, which has precedence."}
    )
    organization_id = fields.String(
        load_default=None,
        metadata={"description": "Only objects of this organization, if the token is for several.", **ORGANIZATION},
    )


class DeleteQuery(Tolerant):
    version_check = fields.String(
        load_default=None, metadata={"description": "The `version_id` that must still be current."}
    )


class NameQuery(Tolerant):
    organization_id = fields.String(
        load_default=None,
        metadata={
            "description": "The organization to search, if the token is for several.",
            **ORGANIZATION,
        },
    )


class ValueQuery(Strict):
    organization_id = fields.String(
        required=True,
        metadata={
            "description": "The organization that has the object.",
            **ORGANIZATION,
        },
    )
    name = NameField(required=True, metadata={"description": "The object's name.", "examples": [examples.NAME]})
    property = fields.String(
        load_default="",
        metadata={"description": "A property of a value that is a JSON object; empty: the whole value."},
    )
