"""The values and calls that the tests of the kit use."""

from __future__ import annotations

import hashlib
import time
from typing import Any, Protocol

from sealring_plugin.errors import CiphertextRejected, ContextMismatch, DeadlineExceeded, KeyNotFound, Unavailable
from sealring_plugin.protocols import ManagedKeys
from sealring_plugin.values import DATA, Call, ManagedKey, Purpose, WrapContext, WrappedKey

MAX_AAD_BYTES = 256  # the server's are about 70
MAX_SCOPE_BYTES = 8192
MAX_MATERIAL_BYTES = 8192

DEK = hashlib.sha256(b"a data key of the conformance kit").digest()
SCOPE = b"environment_kit\0org_kit\0organization_id=org_kit"
OTHER_SCOPE = b"environment_kit\0org_other\0organization_id=org_other"
PAIRS = {"organization_id": "org_kit", "resource_type": "invoice"}
AAD = b"sealring/v1/wrap" + hashlib.sha256(b"an object of the conformance kit").digest() + bytes(22)
CONTEXT = WrapContext(PAIRS, AAD)
OTHER_CONTEXT = WrapContext({"organization_id": "org_other", "resource_type": "letter"}, AAD[::-1])

REJECTED = (CiphertextRejected, ContextMismatch)
NO_SUCH_KEY = (*REJECTED, KeyNotFound)
LATE = (DeadlineExceeded, Unavailable)

DEADLINE_S = 3.0  # the server's own

Key = Any  # ManagedKey or CustomersKey: a provider gets only keys of its own kind


class Provider(Protocol):
    """A provider of either kind."""

    def wrap(self, key: Key, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey: ...
    def unwrap(self, wrapped: WrappedKey, key: Key, context: WrapContext, call: Call) -> bytearray: ...
    def close(self) -> None: ...


def call(seconds: float = DEADLINE_S, purpose: Purpose = Purpose.ENCRYPT) -> Call:
    """Return a call with a deadline in `seconds` from now."""
    return Call(time.monotonic() + seconds, "request_kit", "org_kit", purpose)


def wrap(provider: Provider, key: Key, dek: bytes | bytearray = DEK, context: WrapContext = CONTEXT) -> WrappedKey:
    return provider.wrap(key, dek, context, call())


def unwrap(provider: Provider, wrapped: WrappedKey, key: Key, context: WrapContext = CONTEXT) -> bytearray:
    return provider.unwrap(wrapped, key, context, call(purpose=Purpose.DECRYPT))


def opens(provider: Provider, wrapped: WrappedKey, key: Key, context: WrapContext = CONTEXT) -> bool:
    """Return whether the key opens, to any value. A failure that is not a rejection is raised."""
    try:
        unwrap(provider, wrapped, key, context)
    except REJECTED:
        return False
    return True


def created_by(creator: ManagedKeys, name: str, version: int = 1, scope: bytes = SCOPE) -> ManagedKey:
    return creator.create_key(name, version, scope, DATA, call())


def works(provider: Provider, key: Key) -> bool:
    return unwrap(provider, wrap(provider, key), key) == DEK
