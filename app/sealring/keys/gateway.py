"""The gateway: the only caller of plugins, and the only place that catches whatever they raise."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from sealring.domain.envelope import DEK_BYTES
from sealring.errors import (
    IntegrityFailure,
    KeyAccessDenied,
    KeyDeadlineExceeded,
    KeyDestroyed,
    KeyDisabled,
    KeyFailure,
    KeyMisconfigured,
    KeyNotFound,
    KeyPendingDeletion,
    KeyThrottled,
    KeyUnavailable,
    PluginFault,
    SealringError,
)
from sealring_plugin import (
    MAX_WRAPPED_BYTES,
    AccessDenied,
    Call,
    CiphertextRejected,
    ConfigInvalid,
    ContextMismatch,
    CreatesKeys,
    DeadlineExceeded,
    KeyRef,
    Provider,
    ProviderError,
    Purpose,
    Throttled,
    Unavailable,
    Unsupported,
    WrapBinding,
    WrappedKey,
    WrongRegion,
)
from sealring_plugin import KeyDestroyed as ProviderKeyDestroyed
from sealring_plugin import KeyDisabled as ProviderKeyDisabled
from sealring_plugin import KeyNotFound as ProviderKeyNotFound
from sealring_plugin import KeyPendingDeletion as ProviderKeyPendingDeletion

DEADLINE_S = 3.0

_ALG = re.compile(r"[a-z0-9-]{1,32}")

_MESSAGES: Mapping[type[ProviderError], tuple[type[KeyFailure], str]] = {
    AccessDenied: (KeyAccessDenied, "The key's owner denies access. Ask them to restore the grant."),
    ProviderKeyDisabled: (KeyDisabled, "The key is disabled. Ask its owner to enable it."),
    ProviderKeyPendingDeletion: (KeyPendingDeletion, "The key is to be deleted. Ask its owner to cancel that."),
    ProviderKeyDestroyed: (KeyDestroyed, "The key is destroyed; what it guards is gone for good."),
    ProviderKeyNotFound: (KeyNotFound, "The key's provider knows no such key. Ask its owner to check the binding."),
    WrongRegion: (KeyMisconfigured, "The key is in another region. Ask its owner to check the binding."),
    Unsupported: (KeyMisconfigured, "The key cannot do this. Ask its owner to check its type."),
    ConfigInvalid: (KeyMisconfigured, "The key's provider is not set up. Tell the operator."),
    Throttled: (KeyThrottled, "The key's provider limits the rate. Try again later."),
    Unavailable: (KeyUnavailable, "The key's provider does not answer. Try again later."),
    DeadlineExceeded: (KeyDeadlineExceeded, "The key's provider did not answer in time. Try again later."),
}


def call_for(*, tenant: str, request_id: str, purpose: Purpose) -> Call:
    return Call(time.monotonic() + DEADLINE_S, request_id, tenant, purpose)


class Gateway:
    """Calls providers, built lazily in each process, and translates every failure. Thread-safe."""

    def __init__(self, builders: Mapping[str, Callable[[], Provider]]) -> None:
        self._builders = builders
        self._providers: dict[str, Provider] = {}
        self._lock = Lock()

    def wrap(self, key: KeyRef, dek: bytearray, binding: WrapBinding, call: Call) -> WrappedKey:
        """Raises KeyFailure."""
        with _translated():
            wrapped = self._provider(key.provider).wrap(key, dek, binding, call)
        if not _well_formed(wrapped):
            raise PluginFault("The key's provider broke its contract (a wrapped key). Tell the operator.")
        return wrapped

    def unwrap(self, wrapped: WrappedKey, key: KeyRef, binding: WrapBinding, call: Call) -> bytearray:
        """Raises KeyFailure; IntegrityFailure where the wrapped key was not made under this key and binding."""
        with _translated():
            dek = self._provider(key.provider).unwrap(wrapped, key, binding, call)
        if not isinstance(dek, bytearray) or len(dek) != DEK_BYTES:
            raise PluginFault("The key's provider broke its contract (an unwrapped key). Tell the operator.")
        return dek

    def create_key(self, provider: str, key_id: str, scope: bytes, call: Call) -> KeyRef:
        """Raises KeyFailure; KeyMisconfigured where the provider cannot make keys."""
        with _translated():
            creator = self._provider(provider)
            if not isinstance(creator, CreatesKeys):
                raise Unsupported
            return creator.create_key(key_id, 1, scope, call)

    def provider(self, name: str) -> Provider:
        """Return a provider, built on first use. Raises KeyFailure where it is not set up."""
        with _translated():
            return self._provider(name)

    def close(self) -> None:
        with self._lock:
            for provider in self._providers.values():
                provider.close()
            self._providers.clear()

    def _provider(self, name: str) -> Provider:
        found = self._providers.get(name)
        if found is not None:
            return found
        with self._lock:
            if name not in self._providers:
                if name not in self._builders:
                    raise KeyMisconfigured(f"No plugin is loaded for the key provider '{name}'. Tell the operator.")
                self._providers[name] = self._builders[name]()
            return self._providers[name]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SealringError:
        raise
    except (CiphertextRejected, ContextMismatch) as error:
        raise IntegrityFailure("wrapped key") from error
    except ProviderError as error:
        raise _failure(error) from error
    except Exception as error:  # noqa: BLE001  a plugin may raise anything, and its text may hold a secret
        raise PluginFault(f"The key's provider failed ({type(error).__name__}). Tell the operator.") from None


def _well_formed(wrapped: object) -> bool:
    return (
        isinstance(wrapped, WrappedKey)
        and _ALG.fullmatch(wrapped.alg) is not None
        and 1 <= len(wrapped.blob) <= MAX_WRAPPED_BYTES
    )


def _failure(error: ProviderError) -> KeyFailure:
    for kind, (failure, message) in _MESSAGES.items():
        if isinstance(error, kind):
            return failure(message)
    return PluginFault(f"The key's provider failed ({type(error).__name__}). Tell the operator.")
