"""What a plugin's failure means for us, and the only place that catches whatever a plugin raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

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
    Responsible,
    SealringError,
    SettingsInvalid,
    StoreUnavailable,
)
from sealring.providers.results import seconds
from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    ConfigInvalid,
    ContextMismatch,
    DeadlineExceeded,
    ProviderError,
    RootLost,
    Throttled,
    Unavailable,
    Unsupported,
    WrongRegion,
)
from sealring_plugin import KeyDestroyed as ProviderKeyDestroyed
from sealring_plugin import KeyDisabled as ProviderKeyDisabled
from sealring_plugin import KeyNotFound as ProviderKeyNotFound
from sealring_plugin import KeyPendingDeletion as ProviderKeyPendingDeletion

T = TypeVar("T")

TELL_THE_OPERATOR = "Tell the operator."
_MAX_CAUSE = 200  # characters of what a client of the store says
_TRY_AGAIN = "Try again later."  # whoever has to act

# The failure; what is wrong; what its key's owner has to do, if it is for them.
_MEANINGS: Mapping[type[ProviderError], tuple[type[KeyFailure], str, str]] = {
    AccessDenied: (KeyAccessDenied, "We are denied access to the key.", "Ask its owner to restore the grant."),
    ProviderKeyDisabled: (KeyDisabled, "The key is disabled.", "Ask its owner to enable it."),
    ProviderKeyPendingDeletion: (
        KeyPendingDeletion,
        "The key is to be deleted.",
        "Ask its owner to cancel that.",
    ),
    ProviderKeyDestroyed: (KeyDestroyed, "The key is destroyed; what it guards is gone for good.", ""),
    ProviderKeyNotFound: (
        KeyNotFound,
        "The key's provider knows no such key.",
        "Ask its owner to check the binding.",
    ),
    WrongRegion: (KeyMisconfigured, "The key is in another region.", "Ask its owner to check the binding."),
    Unsupported: (KeyMisconfigured, "The key cannot do this.", "Ask its owner to check its type."),
    RootLost: (KeyMisconfigured, "The root of the server's keys is missing, or another one.", TELL_THE_OPERATOR),
    ConfigInvalid: (KeyMisconfigured, "The key's provider is not set up.", TELL_THE_OPERATOR),
    Throttled: (KeyThrottled, "The key's provider limits the rate.", _TRY_AGAIN),
    Unavailable: (KeyUnavailable, "The key's provider does not answer.", _TRY_AGAIN),
    DeadlineExceeded: (KeyDeadlineExceeded, "The key's provider did not answer in time.", _TRY_AGAIN),
}


def guarded(call: Callable[[], T]) -> T:
    """Return what any function of a plugin returns. Raises ProviderError; PluginFault for whatever else it raises."""
    try:
        return call()
    except (ProviderError, PluginFault):
        raise
    except Exception as error:  # noqa: BLE001  a plugin may raise anything, and its text may hold a secret
        raise PluginFault(type(error).__name__) from None


def translated(call: Callable[[], T], keys_owner: Responsible = "tenant") -> T:
    """Return what a call of a plugin returns, on behalf of a request. `keys_owner`: whose the key is.

    Raises KeyFailure, or IntegrityFailure where the provider says that a wrapped key is not its own work.
    """
    try:
        return guarded(call)
    except (CiphertextRejected, ContextMismatch) as error:
        raise IntegrityFailure("wrapped key") from error
    except ProviderError as error:
        raise _meaning(error, keys_owner) from error


def settled(plugin: str, call: Callable[[], T]) -> T:
    """Return what a call of a plugin returns, before anything is served. Raises SettingsInvalid, in one line."""
    try:
        return guarded(call)
    except ProviderError as error:
        raise SettingsInvalid(f"[plugins.{plugin}] {' '.join(str(error).split())}") from error
    except PluginFault as error:
        raise SettingsInvalid(f"[plugins.{plugin}] the plugin failed ({error.what}); tell its author") from None


def for_the_operator(failure: SealringError) -> str:
    """The failure with what provider or store say of it: for a terminal or a start-up log, never for a caller."""
    cause: BaseException | None = failure.__cause__
    said = str(failure)
    if isinstance(failure, StoreUnavailable):  # which host, and why: a client's text of it names no password
        while cause is not None and cause.__cause__ is not None:
            cause = cause.__cause__
        return f"{said} ({str(cause)[:_MAX_CAUSE]})" if cause is not None and str(cause) else said
    return f"{said} ({cause})" if isinstance(cause, ProviderError) and str(cause) not in said else said


def overdue() -> KeyFailure:
    """The failure of a call that did not return before its deadline."""
    return _meaning(DeadlineExceeded(), "operator")


def _meaning(error: ProviderError, keys_owner: Responsible) -> KeyFailure:
    owner = keys_owner if error.owner == "tenant" else error.owner
    for provider_kind, (kind, wrong, advice) in _MEANINGS.items():
        if isinstance(error, provider_kind):
            told = advice if owner == "tenant" or advice == _TRY_AGAIN else TELL_THE_OPERATOR
            failure = kind(f"{wrong} {told}".rstrip(), owner)
            if isinstance(error, Throttled) and isinstance(failure, KeyThrottled):
                failure.retry_after_s = seconds(error.retry_after_s)
            return failure
    return PluginFault(type(error).__name__)
