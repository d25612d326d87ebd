"""What the OpenAPI document says of each route, beyond what the route says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from marshmallow import Schema

from sealring import errors
from sealring.domain.intent import MAX_NAME_CHARACTERS as MAX_INTENT_CHARACTERS
from sealring.domain.record import MAX_NAME_CHARACTERS
from sealring.http import examples
from sealring.http.objects import answers

ABOUT = """\
Stores secrets, each under the key of its *key context*: a few pairs of strings such as
`{"organization_id": "org_acme"}`. No request names a key. The routes under `/vault/v1` are those of WorkOS Vault; the
ones under `/sealring/v1` are sealring's own.

Every request but those of *Service* carries a bearer token, a JWT. Its permissions say what it may do, its
organizations say where: an object of another organization is not found.

Every answer has an `X-Request-ID`: the caller's, where that is 1 to 64 of `A-Za-z0-9._-`, else a new one. Every error
has the shape *Problem*; its `code` is for programs. The official SDKs repeat a request after 429 and 5xx alone.

This description as a file: [openapi.json](openapi.json).
"""

_BINDING_ROUTES = "/sealring/v1/bindings"

TAGS = {
    "Objects": "Named secrets with versions.",
    "Data keys": "Keys for callers who encrypt by themselves. The server keeps none of them.",
    "Keys of customers": "An organization's own keys, in its own KMS, and which contexts they guard.",
    "Service": "Open to everybody; tells nothing of anybody.",
}

Failures = tuple[type[errors.SealringError], ...]

EVERY_ROUTE: Failures = (
    errors.MalformedRequest,
    errors.Unauthenticated,
    errors.IssuerUnavailable,
    errors.Forbidden,
    errors.IntegrityFailure,
    errors.StoreLost,
    errors.StoreUnavailable,
    errors.StoreFull,  # reads too: they append to the audit log
)
_BODY: Failures = (errors.RequestTimeout, errors.PayloadTooLarge, errors.InvalidBody)
_CONTEXT: Failures = (*_BODY, errors.InvalidKeyContext)
_WRITE: Failures = (errors.WriteContention, errors.OutcomeUnknown)
_REPEATABLE: Failures = (errors.IdempotencyKeyReused, *_WRITE)
_KEYS: Failures = (
    errors.KeyAccessDenied,
    errors.KeyDisabled,
    errors.KeyPendingDeletion,
    errors.KeyNotFound,
    errors.KeyMisconfigured,
    errors.KeyDestroyed,
    errors.KeyExhausted,
    errors.KeyThrottled,
    errors.KeyUnavailable,
    errors.KeyDeadlineExceeded,
    errors.PluginFault,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """A guarded route. `failures` are those beyond EVERY_ROUTE."""

    id: str
    tag: str
    text: str
    failures: Failures = ()


@dataclass(frozen=True, slots=True)
class OpenOperation:
    """An open route, with the schema or the media type of each answer."""

    id: str
    summary: str
    text: str
    answers: Mapping[int, type[Schema] | str]
    variants: Mapping[str, str] = field(default_factory=dict)  # what `?<name>` adds


OPERATIONS: Mapping[str, Operation] = {
    "POST /vault/v1/kv": Operation(
        "createObject",
        "Objects",
        "Seals the value and stores it as a new object. Answers its metadata, never the value. A key context without "
        "`organization_id` (or `organizationId`) takes a token for all organizations.",
        (*_CONTEXT, errors.NameTaken, *_KEYS, *_REPEATABLE),
    ),
    "GET /vault/v1/kv": Operation(
        "listObjects",
        "Objects",
        "The live objects of the token's organizations, by `updated_at` and id. Follow `after` until it is null: no "
        "object comes twice, and none is left out that was not written meanwhile. Clients that send "
        "`list_metadata.before` as `after` go forward too. Touches no key.",
    ),
    "GET /vault/v1/kv/name/<whole:name>": Operation(
        "readObjectByName",
        "Objects",
        "The live object of that name, with its value. Slashes of the name may be percent-encoded or not.",
        (errors.NotFound, errors.AmbiguousName, *_KEYS),
    ),
    "GET /vault/v1/kv/<object_id>": Operation(
        "readObject",
        "Objects",
        "A live object with its value. The audit event is stored before the value leaves.",
        (errors.NotFound, *_KEYS),
    ),
    "PUT /vault/v1/kv/<object_id>": Operation(
        "updateObject",
        "Objects",
        "Seals a new value under the object's own key context, and keeps the one before as a version.",
        (*_CONTEXT, errors.KeyContextFixed, errors.NotFound, errors.VersionConflict, *_KEYS, *_REPEATABLE),
    ),
    "DELETE /vault/v1/kv/<object_id>": Operation(
        "deleteObject",
        "Objects",
        "From now on the object cannot be read, and its name is free. It can be restored for as long as the settings "
        "say, 30 days by default. Touches no key.",
        (errors.NotFound, errors.VersionConflict, *_REPEATABLE),
    ),
    "GET /vault/v1/kv/<object_id>/metadata": Operation(
        "describeObject", "Objects", "A live object without its value. Touches no key.", (errors.NotFound,)
    ),
    "GET /vault/v1/kv/<object_id>/versions": Operation(
        "listObjectVersions", "Objects", "All versions of a live object. Touches no key.", (errors.NotFound,)
    ),
    "GET /sealring/v1/kv/<object_id>/versions/<version_id>": Operation(
        "readObjectVersion",
        "Objects",
        "A live object as it was in one version, with the value of that version.",
        (errors.NotFound, *_KEYS),
    ),
    "POST /sealring/v1/kv/<object_id>/restore": Operation(
        "restoreObject",
        "Objects",
        "Brings a deleted object back under its name; a live one stays as it is. The body is empty, or `{}`. Touches "
        "no key.",
        (*_BODY, errors.NotFound, errors.NameTaken, *_REPEATABLE),
    ),
    "GET /sealring/v1/operations/<whole:idempotency_key>": Operation(
        "findOperation",
        "Objects",
        "Whether a write that was sent with this `Idempotency-Key` has been applied. Tells of the caller's own writes, "
        "for 24 hours.",
    ),
    f"POST {_BINDING_ROUTES}": Operation(
        "createBinding",
        "Keys of customers",
        "Stores a pending binding of a key that its owner has admitted sealring to. Once active, the key guards each "
        "context of the organization in which all pairs of `match` occur, and no key of ours does: if it fails, the "
        "request fails.",
        (*_CONTEXT, errors.NotFound, errors.BindingConflict, *_WRITE),
    ),
    f"GET {_BINDING_ROUTES}": Operation(
        "listBindings", "Keys of customers", "Of one organization, the retired ones included.", (errors.InvalidBody,)
    ),
    f"GET {_BINDING_ROUTES}/<binding_id>": Operation(
        "readBinding", "Keys of customers", "With what was found when its key was asked last.", (errors.NotFound,)
    ),
    f"DELETE {_BINDING_ROUTES}/<binding_id>": Operation(
        "deleteBinding",
        "Keys of customers",
        "A pending one alone: any other may have sealed what is still there. Retire it instead.",
        (errors.NotFound, errors.BindingConflict, *_WRITE),
    ),
    f"POST {_BINDING_ROUTES}/<binding_id>/validate": Operation(
        "validateBinding",
        "Keys of customers",
        "Asks the key for its state, to wrap and to unwrap, and whether it opens where it must not; answers what was "
        "found and what its owner has to do. The body is empty, or `{}`.",
        (*_BODY, errors.NotFound, *_WRITE),
    ),
    f"POST {_BINDING_ROUTES}/<binding_id>/activate": Operation(
        "activateBinding",
        "Keys of customers",
        "Verifies the key of a pending or suspended binding; if it works, the binding guards from now on, and the one "
        "that it replaces retires. The body is empty, or `{}`.",
        (*_BODY, errors.NotFound, errors.BindingConflict, *_WRITE),
    ),
    f"POST {_BINDING_ROUTES}/<binding_id>/suspend": Operation(
        "suspendBinding",
        "Keys of customers",
        "From now on whatever the binding guards is refused: neither sealed nor opened. The body is empty, or `{}`.",
        (*_BODY, errors.NotFound, errors.BindingConflict, *_WRITE),
    ),
    f"POST {_BINDING_ROUTES}/<binding_id>/retire": Operation(
        "retireBinding",
        "Keys of customers",
        "From now on the binding guards nothing new. What its key sealed opens for as long as the key works. The body "
        "is empty, or `{}`.",
        (*_BODY, errors.NotFound, errors.BindingConflict, *_WRITE),
    ),
    "GET /sealring/v1/providers/<provider>/setup": Operation(
        "readSetupGuide",
        "Keys of customers",
        "For the admin of a key: the steps, and the policy text, with our name and the organization's in it.",
        (errors.InvalidBody, *_KEYS),
    ),
    "GET /sealring/v1/kv/<object_id>/explain": Operation(
        "explainObject",
        "Objects",
        "Asks each key of a live object, now: which one keeps it shut, why, since when, and who has to act. The value "
        "stays shut.",
        (errors.NotFound,),
    ),
    "POST /vault/v1/keys/data-key": Operation(
        "createDataKey",
        "Data keys",
        "A fresh key of 32 bytes, in clear and wrapped. Encrypt with the first and forget it; keep the second.",
        (*_CONTEXT, *_KEYS, *_WRITE),
    ),
    "POST /vault/v1/keys/decrypt": Operation(
        "decryptDataKey",
        "Data keys",
        "The data key in clear. A blob that was altered, or is none, is refused in one way whatever the cause.",
        (*_BODY, errors.CiphertextRejected, *_KEYS),
    ),
    "POST /vault/v1/keys/rekey": Operation(
        "rekeyDataKey",
        "Data keys",
        "The same data key with the same id, wrapped for another key context. What it encrypts stays as it is.",
        (*_CONTEXT, errors.CiphertextRejected, *_KEYS, *_WRITE),
    ),
}

OPEN_OPERATIONS: Mapping[str, OpenOperation] = {
    "/livez": OpenOperation("isAlive", "Whether the process runs", "Touches nothing else.", {200: answers.Health}),
    "/readyz": OpenOperation(
        "isReady",
        "Whether requests can be served",
        "Writes to the store and reads from it. The answer is kept for two seconds.",
        {200: answers.Readiness, 503: answers.Readiness},
        {"verbose": "Answer each check, and the durability of the store."},
    ),
    "/openapi.json": OpenOperation("getDescription", "This description", "OpenAPI 3.1.", {200: "application/json"}),
    "/docs": OpenOperation("getPage", "A page that shows this description", "Works offline.", {200: "text/html"}),
    "/docs/rapidoc-min.js": OpenOperation(
        "getPageScript", "The script of that page", "RapiDoc, as published.", {200: "text/javascript"}
    ),
}

IDEMPOTENCY_KEY: Mapping[str, object] = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Names this write, for 24 hours: a repetition with the same key changes nothing and gets the same "
    "ids. With another request it is refused.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_INTENT_CHARACTERS},
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
        "description": "What was sent as `Idempotency-Key`, percent-encoded.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_INTENT_CHARACTERS},
        "example": examples.UUID,
    },
    "name": {
        "description": "The object's name, percent-encoded.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARACTERS},
        "example": examples.NAME,
    },
}
