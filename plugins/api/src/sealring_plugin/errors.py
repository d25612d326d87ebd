"""The closed set of ways in which a provider fails. Anything else that escapes one is a fault of the plugin."""

from __future__ import annotations

from typing import ClassVar, Literal

Owner = Literal["tenant", "operator", "plugin"]


class ProviderError(Exception):
    """Base of all failures. `owner`: who has to act.

    What is wrong with our own credentials is the operator's: ConfigInvalid, or Unavailable where it passes by itself.
    A plugin that can tell more of a failure derives a class with another `owner`.

    Messages are for the operator's log: no key material, no plaintext, no text that a provider sent.
    """

    owner: ClassVar[Owner] = "tenant"


class AccessDenied(ProviderError):
    """The key's policy does not let us use it."""


class KeyDisabled(ProviderError):
    """The key exists and is disabled."""


class KeyPendingDeletion(ProviderError):
    """The key is scheduled for deletion. `when` is RFC 3339, where the provider says it."""

    def __init__(self, message: str = "", *, when: str | None = None) -> None:
        super().__init__(message)
        self.when = when


class KeyDestroyed(ProviderError):
    """The key is gone for good."""


class KeyNotFound(ProviderError):
    """The provider knows no such key, or hides it from us."""


class WrongRegion(ProviderError):
    """The key is in another region than the provider is set up for."""


class ContextMismatch(ProviderError):
    """The provider itself says that the blob was made in another context."""

    owner: ClassVar[Owner] = "plugin"


class CiphertextRejected(ProviderError):
    """The blob does not open under this key and context: altered, swapped, or of another key."""

    owner: ClassVar[Owner] = "plugin"


class Throttled(ProviderError):
    """The provider limits our rate. `retry_after_s` is its wish, where it has one."""

    def __init__(self, message: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(ProviderError):
    """The provider does not answer, or answers that it cannot."""

    owner: ClassVar[Owner] = "operator"


class DeadlineExceeded(ProviderError):
    """No answer before `Call.deadline`."""

    owner: ClassVar[Owner] = "operator"


class Unsupported(ProviderError):
    """The key cannot do this at all: it is of another type than the provider takes."""


class ConfigInvalid(ProviderError):
    """The provider's settings cannot be used. The message names the field and the mend; it never quotes a secret."""

    owner: ClassVar[Owner] = "operator"


class RootLost(ConfigInvalid):
    """The root that the keys are wrapped by, or the token that holds it, is missing or is another one.

    It does not pass by waiting: the message says what to restore.
    """
