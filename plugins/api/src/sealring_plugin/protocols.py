"""What a provider can do: one required interface, and one small interface for each optional power."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from sealring_plugin.values import Call, KeyRef, WrapBinding, WrappedKey


@runtime_checkable
class Provider(Protocol):
    """Wraps data keys. Called from many threads, never before a fork; made once in each process."""

    def wrap(self, key: KeyRef, dek: bytes | bytearray, binding: WrapBinding, call: Call) -> WrappedKey:
        """Wrap `dek` (16 to 64 bytes) under `key`, bound to `binding`. Raises ProviderError."""

    def unwrap(self, wrapped: WrappedKey, key: KeyRef, binding: WrapBinding, call: Call) -> bytearray:
        """Return the DEK, in a bytearray that the caller wipes. Raises ProviderError.

        CiphertextRejected where the blob was altered, or made under another key or binding.
        """

    def close(self) -> None:
        """Release what is held. May be called twice; nothing is called after it."""


@runtime_checkable
class CreatesKeys(Protocol):
    """Makes keys just in time, and keeps them with us as opaque material."""

    def create_key(self, key_id: str, scope: bytes, call: Call) -> KeyRef:
        """Return a new key (version 1) that was never used before, its material bound to `key_id` and `scope`."""


@runtime_checkable
class Announces(Protocol):
    """Says one line about itself at start-up, e.g. that its keys are kept in software."""

    def announcement(self) -> str: ...
