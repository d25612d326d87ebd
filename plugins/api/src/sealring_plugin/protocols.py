"""The interfaces of providers: one for each kind of provider, and a small one for each optional power.

The three kinds are different types with separate settings and credentials, so that a key of one kind never reaches a
provider of another. The server detects a power with isinstance, and the conformance kit proves that it works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from sealring_plugin.values import (
    Call,
    CustomersKey,
    Finding,
    KeyDescription,
    ManagedKey,
    SetupGuide,
    WrapContext,
    WrappedKey,
)


@runtime_checkable
class ManagedKeys(Protocol):
    """Our own keys: of contexts, of the store, of backups. Called from many threads; built once in each process."""

    def create_key(self, key_id: str, version: int, scope: bytes, domain: str, call: Call) -> ManagedKey:
        """Return a new key under the newest root of `domain` (KEEP or DATA). Raises ProviderError.

        The key is new, and its material is bound to `key_id`, `version`, `scope` and its root.
        """

    def wrap(self, key: ManagedKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey:
        """Wrap `dek` (16 to 64 bytes) under `key`, bound to `context`. Raises ProviderError."""

    def unwrap(self, wrapped: WrappedKey, key: ManagedKey, context: WrapContext, call: Call) -> bytearray:
        """Return the DEK, in a bytearray that the caller wipes. Raises ProviderError.

        CiphertextRejected if the blob was altered, or made under another key or context.
        """

    def close(self) -> None:
        """Release what is held. May be called twice; nothing is called after it."""


@runtime_checkable
class CustomersKeys(Protocol):
    """Customers' keys, which they bind and can revoke. Called from many threads; built once in each process."""

    def wrap(self, key: CustomersKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey:
        """Wrap `dek` (16 to 64 bytes) under `key`, bound to `context`. Raises ProviderError."""

    def unwrap(self, wrapped: WrappedKey, key: CustomersKey, context: WrapContext, call: Call) -> bytearray:
        """Return the DEK, in a bytearray that the caller wipes. Raises ProviderError.

        CiphertextRejected if the blob was altered, or made under another key or context.
        """

    def close(self) -> None:
        """Release what is held. May be called twice; nothing is called after it."""


@runtime_checkable
class SealsRoot(Protocol):
    """Seals the secret that opens the root keys, so that a server can start without a person.

    Called only at start and by commands, from one thread. Only its settings name its key; neither the store nor a
    customer can.
    """

    def seal(self, secret: bytes | bytearray, aad: bytes, call: Call) -> bytes:
        """Return `secret` (16 to 64 bytes) in sealed form (at most 8 KiB), bound to `aad`. Raises ProviderError."""

    def open(self, sealed: bytes, aad: bytes, call: Call) -> bytearray:
        """Return the secret, in a bytearray that the caller wipes. Raises ProviderError.

        CiphertextRejected if it was altered, or sealed by another key or with another `aad`.
        """

    def close(self) -> None:
        """Release what is held. May be called twice; nothing is called after it."""


@runtime_checkable
class DestroysKeys(Protocol):
    """Destroys managed keys; nothing can restore them."""

    def destroy_key(self, key: ManagedKey, call: Call) -> None:
        """Destroy one version. From then on, wrap and unwrap raise KeyDestroyed in every process. May be repeated."""


@runtime_checkable
class GeneratesDataKeys(Protocol):
    """Makes a DEK and its wrapped form in one call of a customer's KMS."""

    def generate_data_key(self, key: CustomersKey, context: WrapContext, call: Call) -> tuple[bytearray, WrappedKey]:
        """Return 32 random bytes, and the same bytes wrapped as by `wrap`."""


@runtime_checkable
class ReWraps(Protocol):
    """Rewraps a DEK under another key inside a customer's KMS, without showing it to us."""

    def rewrap(
        self,
        wrapped: WrappedKey,
        old: tuple[CustomersKey, WrapContext],
        new: tuple[CustomersKey, WrapContext],
        call: Call,
    ) -> WrappedKey:
        """Return the same DEK wrapped under the new key and context. Raises as `unwrap` and `wrap` do."""


@runtime_checkable
class BindsContext(Protocol):
    """Passes the context to a KMS, which authenticates it and writes it to the log of the key's owner."""

    def bound_pairs(self, context: WrapContext) -> Mapping[str, str]:
        """Return the pairs that the KMS itself authenticates."""


@runtime_checkable
class Describes(Protocol):
    """Can read the state of a customer's key without using the key."""

    def describe(self, key: CustomersKey, call: Call) -> KeyDescription: ...


@runtime_checkable
class Validates(Protocol):
    """Finds present and coming problems of a customer's key, and of our access to it."""

    def validate(self, key: CustomersKey, call: Call) -> Sequence[Finding]: ...


@runtime_checkable
class ExplainsSetup(Protocol):
    """Tells a key's owner how to give us access."""

    def explain_setup(self, *, principal: str, organization_id: str, external_id: str) -> SetupGuide:
        """Return the steps for the admin, with a policy that names the principal and the organization.

        `principal` is our identity at the KMS: the provider's setting of that name. `external_id` is a text that
        sealring made for only this organization, for a KMS whose policies can require one.
        """


@runtime_checkable
class ChecksItself(Protocol):
    """Can check that it works. Called at start-up and by health checks, at most every few seconds."""

    def check(self, call: Call) -> None:
        """Raises ProviderError if wrapping would fail for every key."""


@runtime_checkable
class Announces(Protocol):
    """Describes itself in one line at start-up, e.g. that its keys are in software."""

    def announcement(self) -> str: ...
