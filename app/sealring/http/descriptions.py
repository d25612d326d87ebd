"""Texts of the OpenAPI document about the API, its tags and its parameters."""

from __future__ import annotations

from collections.abc import Mapping

from sealring.domain.idempotency import MAX_NAME_CHARACTERS as MAX_IDEMPOTENCY_KEY_CHARACTERS
from sealring.domain.keyrings import MAX_NAME_BYTES
from sealring.domain.record import MAX_NAME_CHARACTERS
from sealring.http import examples

ABOUT = """\
Stores secrets, each under the key of its *key context*: a few pairs of strings such as
`{"organization_id": "org_acme"}`. No request names a key. The routes under `/vault/v1` are those of WorkOS Vault; the
ones under `/sealring/v1` are sealring's own.

Every request except those of *Service* needs a bearer token, a JWT. Its permissions say what it may do, its
organizations say where: an object of another organization is not found.

Every answer has an `X-Request-ID`: the caller's, if that is 1 to 64 of `A-Za-z0-9._-`, else a new one. Every error
has the shape *Problem*; its `code` is for programs. The official SDKs retry a request only after 429 and 5xx.
A 429 `rate_limited` has the header fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).

This description as a file: [openapi.json](openapi.json).
"""

TAGS = {
    "Objects": "Named secrets with versions.",
    "Data keys": "Keys for callers who encrypt by themselves. The server does not store them.",
    "Batches": "Up to 1,000 items in one request, each with a result or an error of its own.",
    "Keys of customers": "An organization's own keys, in its own KMS, and the contexts that they guard.",
    "Keyrings": "Keys that the server keeps, for values that it does not; also served as vault.v1 over Connect.",
    "Portal": "Pages on which a customer's administrator connects the organization's own key.",
    "Usage": "What an organization stores, and its limits.",
    "Service": "Open to everybody; reveals nothing about tenants.",
}

IDEMPOTENCY_KEY: Mapping[str, object] = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Names this write for 24 hours: a retry with the same key changes nothing and gets the same ids. "
    "The same key with another request is refused.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY_CHARACTERS},
    "example": examples.UUID,
}

PATH_PARAMETERS: Mapping[str, Mapping[str, object]] = {
    "object_id": {
        "description": "The object's id.",
        "schema": {"type": "string", "pattern": "^secret_[0-9A-F]{32}$"},
        "example": examples.OBJECT_ID,
    },
    "version_id": {
        "description": "The version's id.",
        "schema": {"type": "string", "format": "uuid"},
        "example": examples.UUID,
    },
    "binding_id": {
        "description": "The binding's id.",
        "schema": {"type": "string", "format": "uuid"},
        "example": examples.UUID,
    },
    "provider": {
        "description": "A provider of customers' keys.",
        "schema": {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,31}$"},
        "example": "awskms",
    },
    "idempotency_key": {
        "description": "The `Idempotency-Key` of the write, percent-encoded.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY_CHARACTERS},
        "example": examples.UUID,
    },
    "ring": {
        "description": "The name of the keyring, percent-encoded: `org_acme%2Fbilling`. It belongs to the organization "
        "that it is, or that precedes its first slash.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES},
        "example": "org_acme/billing",
    },
    "name": {
        "description": "The object's name, percent-encoded.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARACTERS},
        "example": examples.NAME,
    },
}
