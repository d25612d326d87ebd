"""The table of tenancy: a request for every guarded route, and what each caller must be answered.

A row names its route exactly as the server does. Add a row for each new route; the suite fails without one.
"""

from urllib.parse import quote_plus

from isolation.row import Row


def _create(acme):
    return "/vault/v1/kv", {"value": "a value", "name": acme.new_name(), "key_context": acme.context}


def _create_taken(acme):
    return "/vault/v1/kv", {"value": "a value", "name": acme.object()["name"], "key_context": acme.context}


def _create_camel(acme):
    return "/vault/v1/kv", {"value": "a value", "name": acme.new_name(), "key_context": {"organizationId": acme.id}}


def _list(acme):
    acme.object()
    return "/vault/v1/kv", None


def _list_of_acme(acme):
    acme.object()
    return f"/vault/v1/kv?organization_id={acme.id}", None


def _by_name(acme):
    return f"/vault/v1/kv/name/{_path(acme.object()['name'])}", None


def _by_name_of_acme(acme):
    return f"/vault/v1/kv/name/{_path(acme.object()['name'])}?organization_id={acme.id}", None


def _no_name_of_acme(acme):
    return f"/vault/v1/kv/name/never-was?organization_id={acme.id}", None


def _read(acme):
    return _one(acme), None


def _update(acme):
    return _one(acme), {"value": "another value"}


def _update_naming_acme(acme):
    return _one(acme), {"value": "another value", "key_context": acme.context}


def _update_checked(acme):
    made = acme.object()
    return f"/vault/v1/kv/{made['id']}", {"value": "another value", "version_check": made["version_id"]}


def _delete(acme):
    return _one(acme), None


def _delete_checked(acme):
    made = acme.object()
    return f"/vault/v1/kv/{made['id']}?version_check={made['version_id']}", None


def _metadata(acme):
    return f"{_one(acme)}/metadata", None


def _versions(acme):
    return f"{_one(acme)}/versions", None


def _version(acme):
    made = acme.object()
    return f"/sealring/v1/kv/{made['id']}/versions/{made['version_id']}", None


def _value(acme):
    return f"/sealring/v1/kv/value?organization_id={acme.id}&name={quote_plus(acme.object()['name'])}", None


def _property(acme):
    name = acme.object(value='{"user": "app"}')["name"]
    return f"/sealring/v1/kv/value?organization_id={acme.id}&name={quote_plus(name)}&property=user", None


def _no_value(acme):
    return f"/sealring/v1/kv/value?organization_id={acme.id}&name=never-was", None


def _restore(acme):
    return f"/sealring/v1/kv/{acme.deleted()['id']}/restore", {}


def _restore_live(acme):
    return f"/sealring/v1/kv/{acme.object()['id']}/restore", None


def _read_deleted(acme):
    return f"/vault/v1/kv/{acme.deleted()['id']}", None


def _operation(acme):
    return f"/sealring/v1/operations/{acme.named_create()}", None


def _no_operation(acme):
    return "/sealring/v1/operations/never-was", None


def _bind(acme):
    return BINDINGS, {"organization_id": acme.id, "provider": "example", "key": "key_one", "match": acme.new_match()}


def _bindings(acme):
    return f"{BINDINGS}?organization_id={acme.id}", None


def _binding(acme):
    return f"{BINDINGS}/{acme.binding()}", None


def _validate(acme):
    return f"{BINDINGS}/{acme.binding()}/validate", {}


def _activate(acme):
    return f"{BINDINGS}/{acme.binding()}/activate", {}


def _suspend(acme):
    return f"{BINDINGS}/{acme.binding(activate=True)}/suspend", {}


def _retire(acme):
    return f"{BINDINGS}/{acme.binding()}/retire", {}


def _setup(acme):
    return f"/sealring/v1/providers/example/setup?organization_id={acme.id}", None


def _usage(acme):
    return f"/sealring/v1/usage?organization_id={acme.id}", None


def _portal_link(acme):
    return "/portal/generate_link", {"organization": acme.id, "intent": "bring_your_own_key"}


def _explain(acme):
    return f"/sealring/v1/kv/{acme.object()['id']}/explain", None


def _data_key(acme):
    return "/vault/v1/keys/data-key", {"context": acme.context}


def _decrypt(acme):
    return "/vault/v1/keys/decrypt", {"keys": acme.blob()}


def _rekey(acme):
    return "/vault/v1/keys/rekey", {"encrypted_keys": acme.blob(), "context": {**acme.context, "for": "rekey"}}


def _batch_encrypt(acme):
    return f"{BATCH}/encrypt", {"items": [{"key_context": acme.context, "plaintext": "c2VjcmV0"}]}


def _batch_decrypt(acme):
    return f"{BATCH}/decrypt", {"items": [{"ciphertext": acme.ciphertext()}]}


def _batch_create(acme):
    return f"{BATCH}/create", {"items": [{"name": acme.new_name(), "value": "a value", "key_context": acme.context}]}


def _batch_read(acme):
    return f"{BATCH}/read", {"items": [{"id": acme.object()["id"]}]}


def _ring(acme):
    return f"/sealring/v1/keyrings/{acme.id}%2Fof%2Ftests"


def _encrypt_items(acme):
    return f"{_ring(acme)}/encrypt", {"items": {"one": "a value"}}


def _decrypt_items(acme):
    made = acme.ask("POST", *_encrypt_items(acme)).json["items"]
    return f"{_ring(acme)}/decrypt", {"items": {"one": made["one"]["encrypted"]}}


def _rotate(acme):
    return f"{_ring(acme)}/rotate", None


def _one(acme):
    return f"/vault/v1/kv/{acme.object()['id']}"


def _path(name):
    return name.replace(" ", "%20")


BINDINGS = "/sealring/v1/bindings"
KV, OURS, KEYS, BATCH = "/vault/v1/kv", "/sealring/v1/kv", "/vault/v1/keys", "/sealring/v1/batch"

READ, LIST, CREATE, UPDATE, DELETE, RESTORE = (
    f"vault:objects:{verb}" for verb in ("read", "list", "create", "update", "delete", "restore")
)
USE, MANAGE, RINGS = "vault:keys:use", "vault:bindings:manage", "vault:keyrings:use"
USAGE, LINK = "vault:usage:read", "vault:portal:link"
RING = "/sealring/v1/keyrings/<whole:ring>"

# After the permission: own, other, everywhere | no token, expired, audience, issuer, none, HS256, another key | lacking
# fmt: off
TABLE = (
    Row(f"POST {KV}",                            "",                 _create,             CREATE,  201, 403, 201, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {KV}",                            "taken name",       _create_taken,       CREATE,  409, 403, 409, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {KV}",                            "organizationId",   _create_camel,       CREATE,  201, 403, 201, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {KV}",                             "",                 _list,               LIST,    200, 200, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {KV}",                             "?organization_id", _list_of_acme,       LIST,    200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {KV}/name/<whole:name>",           "",                 _by_name,            READ,    200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {KV}/name/<whole:name>",           "?organization_id", _by_name_of_acme,    READ,    200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {KV}/name/<whole:name>",           "no such name",     _no_name_of_acme,    READ,    404, 403, 404, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {KV}/<object_id>",                 "",                 _read,               READ,    200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {KV}/<object_id>",                 "deleted",          _read_deleted,       READ,    404, 404, 404, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"PUT {KV}/<object_id>",                 "",                 _update,             UPDATE,  201, 404, 201, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"PUT {KV}/<object_id>",                 "with context",     _update_naming_acme, UPDATE,  201, 404, 201, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"PUT {KV}/<object_id>",                 "checked",          _update_checked,     UPDATE,  201, 404, 201, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"DELETE {KV}/<object_id>",              "",                 _delete,             DELETE,  200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"DELETE {KV}/<object_id>",              "checked",          _delete_checked,     DELETE,  200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {KV}/<object_id>/metadata",        "",                 _metadata,           READ,    200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {KV}/<object_id>/versions",        "",                 _versions,           READ,    200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {OURS}/<object_id>/versions/<version_id>", "",                 _version,            READ,    200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {OURS}/value",                     "",                 _value,              READ,    200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {OURS}/value",                     "property",         _property,           READ,    200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {OURS}/value",                     "no such name",     _no_value,           READ,    404, 403, 404, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {OURS}/<object_id>/restore",      "",                 _restore,            RESTORE, 200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {OURS}/<object_id>/restore",      "live",             _restore_live,       RESTORE, 200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row("GET /sealring/v1/operations/<whole:idempotency_key>", "",                 _operation,          READ,    200, 200, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row("GET /sealring/v1/operations/<whole:idempotency_key>", "never",            _no_operation,       READ,    200, 200, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {BINDINGS}",                      "",                 _bind,               MANAGE,  201, 403, 201, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {BINDINGS}",                       "",                 _bindings,           MANAGE,  200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {BINDINGS}/<binding_id>",          "",                 _binding,            MANAGE,  200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"DELETE {BINDINGS}/<binding_id>",       "",                 _binding,            MANAGE,  200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {BINDINGS}/<binding_id>/validate", "",                 _validate,           MANAGE,  200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {BINDINGS}/<binding_id>/activate", "",                 _activate,           MANAGE,  200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {BINDINGS}/<binding_id>/suspend", "",                 _suspend,            MANAGE,  200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {BINDINGS}/<binding_id>/retire",  "",                 _retire,             MANAGE,  200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row("GET /sealring/v1/providers/<provider>/setup", "",                 _setup,              MANAGE,  200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row("GET /sealring/v1/usage",                "",                 _usage,              USAGE,   200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row("POST /portal/generate_link",            "",                 _portal_link,        LINK,    201, 403, 201, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"GET {OURS}/<object_id>/explain",       "",                 _explain,            READ,    200, 404, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {KEYS}/data-key",                 "",                 _data_key,           USE,     200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {KEYS}/decrypt",                  "",                 _decrypt,            USE,     200, 400, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {KEYS}/rekey",                    "",                 _rekey,              USE,     200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    # a batch is answered, and each of its items for itself: see test_batches.py
    Row(f"POST {BATCH}/encrypt",                 "",                 _batch_encrypt,      USE,     200, 200, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {BATCH}/decrypt",                 "",                 _batch_decrypt,      USE,     200, 200, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {BATCH}/create",                  "",                 _batch_create,       CREATE,  200, 200, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {BATCH}/read",                    "",                 _batch_read,         READ,    200, 200, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {RING}/encrypt",              "",                 _encrypt_items,      RINGS,   200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {RING}/decrypt",              "",                 _decrypt_items,      RINGS,   200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
    Row(f"POST {RING}/rotate",               "",                 _rotate,             RINGS,   200, 403, 200, 401, 401, 401, 401, 401, 401, 401, 403),
)
# fmt: on

# What anybody may ask, and what tells nothing of anybody.
PROBES = ("livez", "readyz", "startupz", "health/live", "health/ready", "health/startup")
OPEN = (
    *(f"GET /{probe}" for probe in PROBES),
    "GET /openapi.json",
    "GET /docs",
    "GET /docs/errors",
    "GET /docs/rapidoc-min.js",
    "GET /docs/page.js",
)

CODES = {
    400: "ciphertext_rejected",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    409: "name_taken",
}
