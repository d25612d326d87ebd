"""Every failure that sealring itself raises, as one tree.

admission/problems.py maps each leaf to a status and a code; a test keeps that table complete. Messages are for the
caller: they say what is wrong and what to do, and never carry a value, a token, key material or a provider's text.
`reason` is for the audit log only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

Violations = Sequence[tuple[str, str]]  # (field, what is wrong with it)
Responsible = Literal["tenant", "operator", "plugin"]  # for a failure: who has to act
Whose = Literal["subject", "organization", "environment"]  # for a rate: what is counted together


class SealringError(Exception):
    """Base of all failures that sealring raises."""


# --- what the caller sent


class InputError(SealringError):
    """Base of failures of the request itself."""


class MalformedRequest(InputError):
    """The request cannot be read: JSON, query, headers. `param`: the parameter or header that is refused, if any."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class RequestTimeout(InputError):
    """The request did not arrive in time."""

    def __init__(self) -> None:
        super().__init__("The request did not arrive in time. Send it again, faster.")


class PayloadTooLarge(InputError):
    """The body or the value is over its limit."""


class InvalidBody(InputError):
    """The body can be read but breaks a rule."""

    def __init__(self, message: str, violations: Violations = ()) -> None:
        super().__init__(message)
        self.violations = tuple(violations)


class InvalidKeyContext(InvalidBody):
    """The key context breaks a rule."""


class KeyContextFixed(InvalidBody):
    """An update carries another key context than the object's."""


class IdempotencyKeyReused(InputError):
    """The Idempotency-Key was sent with another request before."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was sent with another request before. Send a new one with each request.")


class CiphertextRejected(InputError):
    """A blob that the caller sent cannot be opened. One message for every cause."""

    def __init__(self, reason: str, member: str = "encrypted_keys") -> None:
        super().__init__(f"The value of {member} was refused. Send it unchanged.")
        self.reason = reason


class EnvelopeRejected(InputError):
    """An encrypted value that the caller sent cannot be opened with this keyring."""

    def __init__(self, reason: str) -> None:
        super().__init__("The encrypted value was refused. Send it unchanged, with the keyring that encrypted it.")
        self.reason = reason


class AccessError(SealringError):
    """Base of refusals by identity."""


class Unauthenticated(AccessError):
    """No bearer token, or an invalid one. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__("API key invalid. Send a valid token in the Authorization header as 'Bearer <token>'.")
        self.reason = reason


class IssuerUnavailable(AccessError):
    """The token cannot be verified now: its issuer does not answer, or too many tokens wait for its answer."""

    def __init__(self) -> None:
        super().__init__("The token cannot be verified now: its issuer does not answer. Try again later.")


class Forbidden(AccessError):
    """The token is valid but does not allow this."""


class LimitError(SealringError):
    """Base of refusals because of a limit."""


class RateLimited(LimitError):
    """Too many requests of the token's subject, its organization or its environment."""

    def __init__(self, whose: Whose, quota: int, window_s: int, retry_after_s: float) -> None:
        super().__init__(f"Too many requests of the {whose}. Try again later.")
        self.whose = self.reason = whose  # the reason is for the log
        self.quota = quota  # requests that this worker admits in `window_s` seconds
        self.window_s = window_s
        self.retry_after_s = retry_after_s


class TooManyRequests(LimitError):
    """The organization already has its share of the requests that the server works on at once."""


class Overloaded(LimitError):
    """The server already works on as many requests as it can."""


class NotReached(LimitError):
    """The time of the batch was over before this item."""


class QuotaExceeded(LimitError):
    """The organization has used up its quota of objects, stored bytes or key contexts."""


class StateError(SealringError):
    """Base of conflicts between the request and what is stored."""


class NotFound(StateError):
    """No such object, or the caller may not know of it."""

    def __init__(self, what: str = "Object") -> None:
        super().__init__(f"{what} not found. Check the identifier, and that the token is for its organization.")


class NameTaken(StateError):
    """Another live object of the organization has the name."""

    def __init__(self) -> None:
        super().__init__("An object with this name already exists in the organization. Update it, or choose another.")


class VersionConflict(StateError):
    """`version_check` is not the current version."""

    def __init__(self) -> None:
        super().__init__("Expected version mismatch. Read the object again and repeat with its current version_id.")


class BindingConflict(StateError):
    """The change does not fit the state of the bindings."""


class AmbiguousName(StateError):
    """Several organizations have an object of that name."""

    def __init__(self) -> None:
        super().__init__("Several organizations have an object of this name. Add ?organization_id= to choose one.")


class IntegrityFailure(StateError):
    """A stored record is not what we wrote. One message for every cause; the reason goes to the audit log."""

    owner: ClassVar[Responsible] = "operator"

    def __init__(self, reason: str) -> None:
        super().__init__("The stored record failed its integrity check. Tell the operator, with the request id.")
        self.reason = reason


# --- keys


class KeyFailure(SealringError):
    """Base of failures that stop the use of a key-encrypting key. The server never uses another key instead.

    `owner`: who has to act: the tenant, as the owner of the key, the operator, or the author of the plugin.
    """

    provider_request_id = ""  # that the provider gave to the call that failed, for the log

    def __init__(self, message: str, owner: Responsible = "tenant") -> None:
        super().__init__(message)
        self.owner = owner


class KeyAccessDenied(KeyFailure):
    """Access to the key is denied."""


class KeyDisabled(KeyFailure):
    """The key's owner has disabled it."""


class KeyPendingDeletion(KeyFailure):
    """The key is scheduled for deletion."""


class KeyNotFound(KeyFailure):
    """The provider does not know the key."""


class KeyMisconfigured(KeyFailure):
    """The key, its options or its provider's settings are wrong."""


class KeyDestroyed(KeyFailure):
    """The key is destroyed; its data can never be read again."""


class KeyExhausted(KeyFailure):
    """A managed key has reached its limit of safe wraps."""

    def __init__(self) -> None:
        said = "A key of the context has reached its limit of wraps. Tell the operator: it has to be rotated."
        super().__init__(said, "operator")


class KeyThrottled(KeyFailure):
    """The provider limits our rate, or too many requests of the organization wait for its keys."""

    retry_after_s: float | None = None  # the pause that the provider asks for


class KeyUnavailable(KeyFailure):
    """The provider does not answer."""


class KeyDeadlineExceeded(KeyFailure):
    """The provider did not answer in time."""


class PluginFault(KeyFailure):
    """The plugin broke its contract. `what` is an exception's type, never its text, or a fixed phrase."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "plugin")
        self.what = what

    def __str__(self) -> str:
        return f"The key's provider failed ({self.what}). Tell the operator."


class StoreError(SealringError):
    """Base of failures of the store."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, and nothing was applied."""


class StoreLost(StoreError):
    """The store is not the one that was opened, or a part of it is gone."""

    def __init__(self) -> None:
        super().__init__("The store was emptied or replaced. Tell the operator, who may need `sealring restore`.")


class WriteContention(StoreError):
    """Too many writers at once; nothing was applied."""


class OutcomeUnknown(StoreError):
    """The store's reply to a write was lost; the write may have been applied."""


class StoreFull(StoreError):
    """The store is out of memory; nothing was applied."""


# --- commands of the operator


class SettingsInvalid(SealringError):
    """The settings cannot be used. The message is one line that names the place and the fix."""


class BackupRefused(SealringError):
    """A backup cannot be made or restored. The message is one line that says what to do."""


class ChangeRefused(SealringError):
    """A change of revocations or limits is not possible. The message is one line that says what to do."""
