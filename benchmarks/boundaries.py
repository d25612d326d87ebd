"""Boundaries: the functions at which a layer begins, each named where it is looked up, for `--profile`."""

SEND = "store: one send, its replies (self)"

# A function that is imported by name is named in the module that calls it.
BOUNDARIES: dict[str, tuple[str, ...]] = {
    "routing: werkzeug's match": ("werkzeug.routing.map:MapAdapter.match",),
    "dispatch, request id, headers of the answer": (
        "sealring.http.dispatch:Server.wsgi_app",
        "sealring.http.wsgi:send",
    ),
    "token (cached)": ("sealring.auth.scoping:Authenticator.authenticate",),
    "guard": ("sealring.admission.guard:Guard.admit",),
    "JSON in, strict": ("sealring.admission.guard:parse_object",),
    "schema: marshmallow": ("marshmallow.schema:Schema.load",),
    "render, JSON out": (
        "sealring.admission.replies:Reply.json",
        "sealring.http.objects.render:metadata",
        "sealring.http.objects.render:without_value",
        "sealring.http.objects.render:with_value",
        "sealring.http.data_keys.render:data_key",
        "sealring.http.data_keys.render:data_key_pair",
    ),
    "service, domain": (
        "sealring.services.objects:Objects.read",
        "sealring.services.objects:Objects.create",
        "sealring.services.objects:Objects.update",
        "sealring.services.data_keys:DataKeys.create",
        "sealring.services.data_keys:DataKeys.decrypt",
    ),
    "keyring, gateway": (
        "sealring.keys.keyring:Keyring.route",
        "sealring.keys.keyring:Keyring.wrap",
        "sealring.keys.keyring:Keyring.unwrap",
    ),
    "wrap, unwrap: local provider": (
        "sealring_local.wrap:LocalProvider.wrap",
        "sealring_local.wrap:LocalProvider.unwrap",
    ),
    "seal, open, commitment": (
        "sealring.services.sealing:seal",
        "sealring.services.sealing:open_sealed",
        "sealring.services.data_keys:commitment",
        "sealring.services.data_keys:check_commitment",
    ),
    "blob of a data key: encode, parse": (
        "sealring.services.data_keys:encode_data_key",
        "sealring.services.data_keys:parse_data_key",
    ),
    "record encode, decode": (
        "sealring.store.schema.records:Records.encode_object",
        "sealring.store.schema.records:Records.decode_object",
        "sealring.store.schema.records:Records.encode_version",
        "sealring.store.schema.records:Records.summarize",
        "sealring.store.schema.records:Records.encode_summary",
        "sealring.store.schema.records:Records.decode_summary",
    ),
    "MACs and digests of the store": (
        "sealring.crypto.store_keys:StoreKeys.locator",
        "sealring.crypto.store_keys:StoreKeys.record",
        "sealring.crypto.store_keys:StoreKeys.audit",
        "sealring.crypto.store_keys:StoreKeys.blob",
        "sealring.crypto.store_keys:StoreKeys.etag",
    ),
    "store: keys, commands, transaction": (
        "sealring.store.objects:RedisObjects.create",
        "sealring.store.objects:RedisObjects.get",
        "sealring.store.objects:RedisObjects.amend",
        "sealring.store.objects:RedisObjects.attest",
        "sealring.store.audit:RedisAudit.append",
        "sealring.store.audit:RedisAudit.entry",
    ),
    SEND: ("sealring.store.connection.link:Link.send",),
    "store: redis-py sends": ("redis.connection:AbstractConnection.send_packed_command",),
    "store: redis-py reads": ("redis.connection:AbstractConnection.read_response",),
}
