"""A key provider of customers, in this process: keys with states that their owners switch."""

import os
import threading
import time
from copy import copy
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import sealring_plugin as api
from sealring.providers.catalog import Catalog
from sealring.providers.gateway import Gateway
from sealring.providers.instances import ManagedSource, Source
from sealring.providers.plugins import Loaded
from sealring_local.wrap import LocalProvider
from support.roots import roots_of


@dataclass
class Key:
    """`failure`: what the provider raises now; `failing_at`: at which use of all. `log`: what its owner sees of each; `callers`: whose."""

    secret: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    failure: Exception | None = None
    failing_at: dict[int, Exception] = field(default_factory=dict)
    hangs: bool = False
    over: threading.Event = field(default_factory=threading.Event)  # ends a hang before its deadline
    log: list = field(default_factory=list)
    callers: set = field(default_factory=set)


class CmkProvider:
    """AES-256-GCM under the key's own secret, with the context authenticated."""

    def __init__(self, kms):
        self._kms = kms

    def wrap(self, key, dek, context, call):
        nonce = os.urandom(12)
        return api.WrappedKey(
            "cmk-gcm", nonce + self._cipher(key, context, call, "wrap").encrypt(nonce, bytes(dek), _aad(context))
        )

    def unwrap(self, wrapped, key, context, call):
        cipher = self._cipher(key, context, call, "unwrap")
        try:
            return bytearray(cipher.decrypt(wrapped.blob[:12], wrapped.blob[12:], _aad(context)))
        except InvalidTag:
            raise api.CiphertextRejected from None

    def bound_pairs(self, context):
        return dict(context.pairs)

    def describe(self, key, call):
        failure = self._key(key).failure
        states = {api.KeyDisabled: api.KeyState.DISABLED, api.KeyPendingDeletion: api.KeyState.PENDING_DELETION}
        return api.KeyDescription(states.get(type(failure), api.KeyState.ENABLED))

    def validate(self, key, call):
        if key.option("rotation") == "off":
            return [api.Finding("rotation_off", api.Severity.WARNING, "The key is never rotated.", "Rotate it.")]
        return []

    def explain_setup(self, *, principal, organization_id, external_id):
        return api.SetupGuide(("Allow us.",), f"allow {principal} for {organization_id} as {external_id}")

    def close(self):
        pass

    def _cipher(self, key, context, call, operation):
        found = self._key(key)
        found.callers.add((call.environment_id, call.tenant_id))
        found.log.append((operation, dict(context.pairs), call.request_id))
        if found.hangs:
            found.over.wait(max(0.0, call.deadline - time.monotonic()) + 0.5)
            raise api.DeadlineExceeded
        failure = found.failing_at.get(len(found.log), found.failure)
        if failure is not None:
            raise copy(failure)  # what was raised keeps the frames of its request
        return AESGCM(found.secret)

    def _key(self, key):
        if key.key_id not in self._kms:
            raise api.KeyNotFound
        return self._kms[key.key_id]


def _aad(context):
    return repr(sorted(context.pairs.items())).encode() + context.aad


def check_key(_config, key):
    if not key.key_id.startswith("key_"):
        raise api.ConfigInvalid("a key's name begins with key_")


SPEC = api.CustomersSpec(
    name="cmk",
    config=(api.ConfigField("principal", str, "who we are"),),
    build=lambda _: None,
    bound_as="TEST_KMS",
    key_options=(api.ConfigField("rotation", str, "off or on"),),
    check_key=check_key,
)
CATALOG = Catalog({"cmk": Loaded(SPEC, {"principal": "sealring"})})


def gateway_to(kms, *, waits=False, threads=16):
    """A gateway to keys of ours and of customers: `kms` holds theirs by name."""
    local = LocalProvider(roots_of(bytes(32)))
    provider = CmkProvider(kms)
    return Gateway(
        {"local": ManagedSource(lambda: local, waits=False)}, {"cmk": Source(lambda: provider, waits)}, threads=threads
    )
