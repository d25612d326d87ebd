"""What clients send: the shapes of bodies and queries."""

from __future__ import annotations

from marshmallow import EXCLUDE, RAISE, Schema, fields, validate

from sealring.http.schemas.fields import KeyContextField, NameField


class Tolerant(Schema):
    """Of the compatible routes: SDKs send members of their own, which are ignored."""

    class Meta:
        unknown = EXCLUDE


class Strict(Schema):
    """Of our own routes: what is unknown is refused."""

    class Meta:
        unknown = RAISE


class CreateObject(Tolerant):
    name = NameField(required=True)
    value = fields.String(required=True)
    key_context = KeyContextField(required=True)


class UpdateObject(Tolerant):
    value = fields.String(required=True)
    version_check = fields.String(load_default=None, allow_none=True)
    key_context = KeyContextField(load_default=None, allow_none=True)
    context = KeyContextField(load_default=None, allow_none=True)


class CreateDataKey(Tolerant):
    context = KeyContextField(required=True)


class DecryptDataKey(Tolerant):
    keys = fields.String(required=True)


class RekeyDataKey(Tolerant):
    encrypted_keys = fields.String(required=True)
    context = KeyContextField(required=True)


class ListQuery(Tolerant):
    limit = fields.Integer(load_default=10, validate=validate.Range(1, 100))
    order = fields.String(load_default=None, validate=validate.OneOf(["asc", "desc"]))
    before = fields.String(load_default=None)
    after = fields.String(load_default=None)
    search = fields.String(load_default="")
    updatedAfter = fields.String(load_default=None)  # noqa: N815  the spelling of the specification
    updated_after = fields.String(load_default=None)


class DeleteQuery(Tolerant):
    version_check = fields.String(load_default=None)


class NameQuery(Tolerant):
    organization_id = fields.String(load_default=None)


class Nothing(Strict):
    """A body that must be empty, or an empty object."""
