"""What to do about each error, for the page of errors; docs/errors.md has the same texts, and a test compares them."""

from __future__ import annotations

from collections.abc import Mapping

REMEDIES: Mapping[str, str] = {
    "ciphertext_rejected": (
        "Send `encrypted_keys`, or `ciphertext` of an item, exactly as the server gave it, with a token for its "
        "organization. A blob of another server or organization is refused in the same way."
    ),
    "envelope_rejected": (
        "Send the value exactly as the server gave it, with the keyring that encrypted it. A value of another "
        "keyring, and one of a keyring that was destroyed, are refused in the same way."
    ),
    "malformed_request": (
        "`message` says what cannot be read, and `param` which parameter or header. Correct the request; a "
        "repetition fails again."
    ),
    "unauthenticated": (
        "Send `Authorization: Bearer` with a valid token. `sealring token inspect` shows the claims of one, and "
        "when it expires; the reason is only in the log of the server."
    ),
    "forbidden": (
        "`message` names the permission that the token lacks, or says that it is not for the organization. Use "
        "another token."
    ),
    "not_found": (
        "Check the id or the name. An object of an organization that the token is not for is not found either."
    ),
    "route_not_found": "Check method and path against `/docs`. The server is at the root of its host.",
    "method_not_allowed": "The header `Allow` lists the methods of the route.",
    "request_timeout": (
        "Send headers within 10 s and the body within 30 s. If the client does so, look for a slow proxy between."
    ),
    "ambiguous_name": "Add `organization_id` to the query, or read by id.",
    "binding_conflict": "Read the binding: `message` says which state it must have.",
    "name_taken": (
        "Update the object, or choose another name. After a create without an `Idempotency-Key`, it may be your "
        "own: read it."
    ),
    "version_conflict": "Read the object, decide again, and repeat with its current `version_id`.",
    "key_destroyed": "The data is lost. Delete the object.",
    "payload_too_large": "Store a smaller value, or encrypt a file with a data key and keep it elsewhere.",
    "uri_too_long": "Send a shorter path or query.",
    "unsupported_media_type": "Send JSON with `Content-Type: application/json`, not compressed.",
    "expectation_failed": "Leave the header `Expect` out.",
    "idempotency_key_reused": "Send a new key with each new request. The same key is only for the same request.",
    "invalid_body": (
        "`message` names each rule that is broken, and `param` the first field. A value is a string: JSON-encode "
        "anything else, or encode binary data in base64."
    ),
    "invalid_key_context": "Send 1 to 10 pairs of strings, one of them `organization_id`.",
    "key_context_fixed": "Leave `key_context` out of an update. For another context, create another object.",
    "quota_exceeded": "Delete what is not needed and wait until it is purged, or ask the operator for a higher quota.",
    "cmk_access_denied": (
        "The owner of the key restores the grant. `GET /sealring/v1/kv/{object_id}/explain` says which key it is."
    ),
    "cmk_disabled": "The owner of the key enables it.",
    "cmk_misconfigured": "The owner of the key or the operator corrects the binding or the provider's settings.",
    "cmk_not_found": "The owner of the key checks the binding.",
    "cmk_pending_deletion": "The owner of the key cancels the deletion before it happens.",
    "kms_throttled": "Wait as long as `Retry-After` says. The owner raises the limit of the KMS if it happens often.",
    "rate_limited": "Wait as long as `Retry-After` says. `RateLimit-Policy` says which limit it is.",
    "too_many_requests": "Wait as long as `Retry-After` says, and send fewer requests at once.",
    "headers_too_large": "Send at most 64 header fields, each of at most 8,190 bytes.",
    "integrity_failure": "Tell the operator, with the request id. `sealring verify` finds what was altered.",
    "internal_error": "Tell the operator, with the request id.",
    "key_exhausted": "Tell the operator: the key has to be rotated.",
    "plugin_fault": "Tell the operator, with the request id: the provider of the key has a defect.",
    "not_implemented": "Send the body with a Content-Length, or chunked.",
    "issuer_unavailable": (
        "Wait as long as `Retry-After` says. If it lasts, the operator checks `sealring check-config`."
    ),
    "kms_deadline": "Wait as long as `Retry-After` says. If it lasts, the provider of the key is slow or out of reach.",
    "kms_unavailable": "Wait as long as `Retry-After` says. If it lasts, the provider of the key is out of reach.",
    "outcome_unknown": (
        "Send the same request again with the same `Idempotency-Key`, or ask `GET "
        "/sealring/v1/operations/{idempotency_key}`."
    ),
    "not_reached": (
        "Send the item again, with fewer others. An item of a batch has this error, never a whole request."
    ),
    "overloaded": "Wait as long as `Retry-After` says.",
    "store_lost": "Tell the operator at once: the store was emptied or replaced.",
    "store_unavailable": "Wait as long as `Retry-After` says. If it lasts, the operator checks the store.",
    "too_many_connections": "Wait as long as `Retry-After` says, and keep fewer connections open.",
    "unavailable": "Wait as long as `Retry-After` says.",
    "write_contention": "Send the request again. If it happens often, fewer clients should write the same object.",
    "store_full": "Tell the operator: the store has reached its memory limit. Reading lists and purging still work.",
}
