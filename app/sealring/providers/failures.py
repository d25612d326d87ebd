"""Translation of plugins' failures, in the only place that catches every exception of a plugin."""

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
    OutcomeUnknown,
    PluginFault,
    Responsible,
    SealringError,
    SettingsInvalid,
    StoreError,
    StoreUnavailable,
)
from sealring.providers.results import request_id, seconds
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
_MAX_CAUSE = 200  # characters of a store client's error text
_TRY_AGAIN = "Try again later."  # for every owner of the problem

# The failure; the problem; what the key's owner has to do, if the owner has to fix it.
_MEANINGS: Mapping[type[ProviderError], tuple[type[KeyFailure], str, str]] = {
    AccessDenied: (KeyAccessDenied, "Access to the key is denied.", "Ask its owner to restore the grant."),
    ProviderKeyDisabled: (KeyDisabled, "The key is disabled.", "Ask its owner to enable it."),
    ProviderKeyPendingDeletion: (
        KeyPendingDeletion,
        "The key is scheduled for deletion.",
        "Ask its owner to cancel the deletion.",
    ),
    ProviderKeyDestroyed: (KeyDestroyed, "The key is destroyed; its data can never be read again.", ""),
    ProviderKeyNotFound: (
        KeyNotFound,
        "The key's provider does not know the key.",
        "Ask its owner to check the binding.",
    ),
    WrongRegion: (KeyMisconfigured, "The key is in another region.", "Ask its owner to check the binding."),
    Unsupported: (KeyMisconfigured, "The key cannot do this.", "Ask its owner to check its type."),
    RootLost: (KeyMisconfigured, "The root of the server's keys is missing, or another one.", TELL_THE_OPERATOR),
    ConfigInvalid: (KeyMisconfigured, "The key's provider is not set up.", TELL_THE_OPERATOR),
    Throttled: (KeyThrottled, "The key's provider limits the rate of requests.", _TRY_AGAIN),
    Unavailable: (KeyUnavailable, "The key's provider does not answer.", _TRY_AGAIN),
    DeadlineExceeded: (KeyDeadlineExceeded, "The key's provider did not answer in time.", _TRY_AGAIN),
}


def guarded(call: Callable[[], T]) -> T:
    """Call a function of a plugin, and return its result. Raises ProviderError; PluginFault for any other exception."""
    try:
        return call()
    except (ProviderError, PluginFault):
        raise
    except Exception as error:  # noqa: BLE001  a plugin may raise anything, and its text may hold a secret
        raise PluginFault(type(error).__name__) from None


def translated(call: Callable[[], T], keys_owner: Responsible = "tenant") -> T:
    """Call a function of a plugin for a request, and return its result. `keys_owner`: the owner of the key.

    Raises KeyFailure, or IntegrityFailure if the provider says that it did not make a wrapped key.
    """
    try:
        return guarded(call)
    except (CiphertextRejected, ContextMismatch) as error:
        raise IntegrityFailure("wrapped key") from error
    except ProviderError as error:
        raise _meaning(error, keys_owner) from error


def settled(place: str, call: Callable[[], T]) -> T:
    """Call a function of a plugin at start-up, and return its result. `place` is that of its settings.

    Raises SettingsInvalid, with a one-line text.
    """
    try:
        return guarded(call)
    except ProviderError as error:
        raise SettingsInvalid(f"{place} {' '.join(str(error).split())}") from error
    except PluginFault as error:
        raise SettingsInvalid(f"{place} the plugin failed ({error.what}); tell its author") from None


def for_the_operator(failure: SealringError) -> str:
    """Return the failure with the text of the provider or store: for a terminal or start-up log, never for a caller."""
    cause: BaseException | None = failure.__cause__
    said = str(failure)
    if isinstance(failure, KeyFailure | StoreError):
        said = said.replace(TELL_THE_OPERATOR, "").rstrip()
    if isinstance(failure, IntegrityFailure):
        return f"{said} ({failure.reason})"
    if isinstance(
        failure, StoreUnavailable | OutcomeUnknown
    ):  # the client's text names the host and the reason, and no password
        while cause is not None and cause.__cause__ is not None:
            cause = cause.__cause__
        return f"{said} ({str(cause)[:_MAX_CAUSE]})" if cause is not None and str(cause) else said
    return f"{said} ({cause})" if isinstance(cause, ProviderError) and str(cause) not in said else said


def overdue() -> KeyFailure:
    """Return the failure of a call that did not return before its deadline."""
    return _meaning(DeadlineExceeded(), "operator")


def _meaning(error: ProviderError, keys_owner: Responsible) -> KeyFailure:
    owner = keys_owner if error.owner == "tenant" else error.owner
    for provider_kind, (kind, wrong, advice) in _MEANINGS.items():
        if isinstance(error, provider_kind):
            told = advice if owner == "tenant" or advice == _TRY_AGAIN else TELL_THE_OPERATOR
            failure = kind(f"{wrong} {told}".rstrip(), owner)
            if isinstance(error, Throttled) and isinstance(failure, KeyThrottled):
                failure.retry_after_s = seconds(error.retry_after_s)
            failure.provider_request_id = request_id(error.request_id)
            return failure
    return PluginFault(type(error).__name__)
