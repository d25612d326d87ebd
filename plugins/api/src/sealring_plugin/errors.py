"""The closed set of failures of a provider. Any other exception that a provider raises is a fault of the plugin."""

from __future__ import annotations

from typing import ClassVar, Literal

Owner = Literal["tenant", "operator", "plugin"]


class ProviderError(Exception):
    """Base of all failures. `owner` says who has to act.

    Failures of our own credentials are for the operator: ConfigInvalid, or Unavailable if they pass by themselves. A
    plugin that knows another owner of a failure derives a class with that `owner`.

    Messages are for the operator's log: no key material, no plaintext, no text that a provider sent.

    `request_id` is the id that the provider gave to the call, if it gave one: the log has it, so that the failure is
    found in the provider's own log. At most 64 of [A-Za-z0-9._-]; any other is dropped.
    """

    owner: ClassVar[Owner] = "tenant"
    request_id: str = ""


class AccessDenied(ProviderError):
    """The key's policy does not let us use it."""


class KeyDisabled(ProviderError):
    """The key exists and is disabled."""


class KeyPendingDeletion(ProviderError):
    """The key is scheduled for deletion. `when` is the time in RFC 3339, or None if the provider does not say it."""

    def __init__(self, message: str = "", *, when: str | None = None) -> None:
        super().__init__(message)
        self.when = when


class KeyDestroyed(ProviderError):
    """The key was destroyed, and cannot be restored."""


class KeyNotFound(ProviderError):
    """The provider has no such key, or hides it from us."""


class WrongRegion(ProviderError):
    """The key is in another region than the one that the provider's settings name."""


class ContextMismatch(ProviderError):
    """The provider reports that the blob was made in another context."""

    owner: ClassVar[Owner] = "plugin"


class CiphertextRejected(ProviderError):
    """The blob does not open under this key and context: it was altered, swapped, or made under another key."""

    owner: ClassVar[Owner] = "plugin"


class Throttled(ProviderError):
    """The provider limits our rate. `retry_after_s` is the wait that it asks for, or None."""

    def __init__(self, message: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(ProviderError):
    """The provider does not respond, or responds that it is unavailable."""

    owner: ClassVar[Owner] = "operator"


class DeadlineExceeded(ProviderError):
    """There was no response before `Call.deadline`."""

    owner: ClassVar[Owner] = "operator"


class Unsupported(ProviderError):
    """The key can never do this: the provider does not support its type."""


class ConfigInvalid(ProviderError):
    """The provider's settings cannot be used. The message names the field and what to do, and never quotes a secret."""

    owner: ClassVar[Owner] = "operator"


class PinRefused(ConfigInvalid):
    """A token refuses a PIN, and counts how often. A seal is not asked again until a file of its settings changes."""


class RootLost(ConfigInvalid):
    """The root that wraps the keys, or the token that contains it, is missing or has been replaced.

    A retry does not help. The message says what to restore.
    """
