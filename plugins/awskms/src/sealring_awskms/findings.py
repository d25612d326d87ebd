"""What is wrong, or soon will be, with a customer's key: told by its description, and by trying to use it."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sealring_awskms.config import AwsConfig
from sealring_awskms.description import Metadata
from sealring_awskms.encryption_context import ORGANIZATION_PAIRS
from sealring_awskms.key import Key
from sealring_plugin import (
    DEK_BYTES,
    AccessDenied,
    Call,
    CiphertextRejected,
    ConfigInvalid,
    CustomersKey,
    Finding,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    KeyState,
    ProviderError,
    Severity,
    Unsupported,
    WrapContext,
    WrappedKey,
    WrongRegion,
)

NOBODY = "org_sealring_probe_of_another"  # an organization that no key's policy lets in
NOBODYS_EXTERNAL_ID = "sealring-probe-of-another"  # and no role's trust policy
SHORT_WINDOW = timedelta(days=7)  # the least that AWS allows
PROBE_AAD = b"sealring-awskms/v1/probe"


class Probed(Protocol):
    """What is asked of the provider."""

    def authenticate(self, key: Key, call: Call) -> None: ...
    def is_let_in(self, key: Key, call: Call) -> bool: ...
    def metadata(self, key: Key, call: Call) -> Metadata: ...
    def rotates(self, key: Key, call: Call) -> bool: ...
    def wrap(self, key: CustomersKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey: ...
    def unwrap(self, wrapped: WrappedKey, key: CustomersKey, context: WrapContext, call: Call) -> bytearray: ...


def _error(code: str, message: str, advice: str) -> Finding:
    return Finding(code, Severity.ERROR, message, advice)


def _warning(code: str, message: str, advice: str) -> Finding:
    return Finding(code, Severity.WARNING, message, advice)


ROLE_DENIED = _error(
    "role_denied",
    "The role does not let us in.",
    "Let the role's trust policy name our principal, and the external id of this binding.",
)
DESCRIBE_DENIED = _warning(
    "describe_denied", "The state of the key is hidden from us.", "Allow kms:DescribeKey in the key's policy."
)
WRAP_DENIED = _error(
    "wrap_denied",
    "The key's policy does not let us encrypt.",
    "Allow kms:Encrypt where the pair organization_id of the encryption context is this organization.",
)
UNWRAP_DENIED = _error(
    "unwrap_denied",
    "The key's policy does not let us decrypt.",
    "Allow kms:Decrypt where the pair organization_id of the encryption context is this organization.",
)
UNWRAP_WRONG = _error(
    "unwrap_wrong", "What was encrypted does not decrypt.", "Ask whoever runs the endpoint of the binding."
)
CONTEXT_NOT_BOUND = _error(
    "context_not_bound",
    "The endpoint decrypts with another encryption context.",
    "Bind a key of AWS KMS itself: this endpoint does not keep organizations apart.",
)
GRANT_NOT_BOUND = _error(
    "grant_not_bound_to_organization",
    "The key's policy lets us in directly for any organization, so that each of them could bind the key.",
    "Add the condition on kms:EncryptionContext:organization_id to each statement that names us.",
)
ROLE_NOT_BOUND = _error(
    "role_not_bound_to_organization",
    "The role lets us in with the external id of any organization, so that each of them could bind the key.",
    "Add the condition on sts:ExternalId, with the external id of this binding, to the role's trust policy.",
)
CONDITION_MISSING = _warning(
    "context_condition_missing",
    "The role may use the key in any encryption context.",
    "Add the condition on kms:EncryptionContext:organization_id to the statements of the key's or the role's policy.",
)
KEY_DISABLED = _error("key_disabled", "The key is disabled.", "Enable the key.")
KEY_MATERIAL_MISSING = _error(
    "key_material_missing", "The key has no material.", "Import the same key material into the key again."
)
KEY_UNAVAILABLE = _error(
    "key_unavailable", "The key cannot be used now.", "Connect the key store of the key, or wait until it is made."
)
KEY_NOT_FOUND = _error(
    "key_not_found", "AWS knows no such key, or hides it from us.", "Check the ARN, and that the key was not deleted."
)
WRONG_KEY_USAGE = _error(
    "wrong_key_usage",
    "The key is not a symmetric one for encryption.",
    "Bind a key with the usage ENCRYPT_DECRYPT and the spec SYMMETRIC_DEFAULT.",
)
ROTATION_OFF = _warning("rotation_off", "The key is not rotated.", "Enable automatic rotation of the key.")
ROTATION_HIDDEN = _warning(
    "rotation_unknown",
    "Whether the key is rotated is hidden from us.",
    "Allow kms:GetKeyRotationStatus in the key's policy.",
)
MULTI_REGION = _warning(
    "multi_region",
    "The key has, or can have, replicas in other regions.",
    "Keep the policies of the replicas as strict: each of them opens what this key wraps.",
)


def findings(provider: Probed, config: AwsConfig, ref: CustomersKey, call: Call) -> Iterator[Finding]:
    """Raises Throttled, Unavailable or DeadlineExceeded where nothing can be said now; ConfigInvalid for our side."""
    try:
        key = Key.of(config, ref)
    except (ConfigInvalid, WrongRegion) as failure:
        yield _unusable(failure)
        return
    try:
        provider.authenticate(key, call)
    except AccessDenied:
        yield ROLE_DENIED
        return
    if key.role_arn and provider.is_let_in(replace(key, external_id=NOBODYS_EXTERNAL_ID), call):
        yield ROLE_NOT_BOUND
    described = list(_of_description(provider, key, call))
    yield from described
    if all(finding.severity is Severity.WARNING for finding in described):
        yield from _of_use(provider, ref, CONDITION_MISSING if key.role_arn else GRANT_NOT_BOUND, call)


# --- by its description


def _of_description(provider: Probed, key: Key, call: Call) -> Iterator[Finding]:
    try:
        found = provider.metadata(key, call)
    except AccessDenied:
        yield DESCRIBE_DENIED
        return
    except (KeyNotFound, WrongRegion) as failure:
        yield _unusable(failure)
        return
    yield from _of_state(found)
    if (found.usage, found.spec) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"):
        yield WRONG_KEY_USAGE
    if found.multi_region:
        yield MULTI_REGION
    if found.origin == "EXTERNAL":
        yield _imported(found.expires_at)
    if found.origin == "AWS_KMS" and found.key_state is KeyState.ENABLED:  # AWS rotates no others
        yield from _of_rotation(provider, key, call)


def _of_state(found: Metadata) -> Iterator[Finding]:
    if found.key_state is KeyState.PENDING_DELETION:
        yield _pending(found.deletion)
        if found.deleted_at is not None and found.deleted_at - datetime.now(UTC) < SHORT_WINDOW:
            yield _warning(
                "deletion_window_short",
                "Less than seven days are left until the key is deleted.",
                "Cancel the deletion now; next time, schedule it with the longest waiting period.",
            )
    elif found.state == "PendingImport":
        yield KEY_MATERIAL_MISSING
    elif found.state == "Disabled":
        yield KEY_DISABLED
    elif found.key_state is KeyState.DISABLED:
        yield KEY_UNAVAILABLE


def _imported(expires_at: datetime | None) -> Finding:
    until = f" until {expires_at.isoformat()}" if expires_at else ""
    return _warning(
        "imported_material",
        f"The key's material was imported{until}, and AWS keeps no other copy of it.",
        "Keep a copy of the key material: if it expires or is deleted, nothing opens without it.",
    )


def _of_rotation(provider: Probed, key: Key, call: Call) -> Iterator[Finding]:
    try:
        if not provider.rotates(key, call):
            yield ROTATION_OFF
    except AccessDenied:
        yield ROTATION_HIDDEN
    except Unsupported:
        return  # a key that AWS cannot rotate


# --- by its use


def _of_use(provider: Probed, ref: CustomersKey, unbound: Finding, call: Call) -> Iterator[Finding]:
    own = WrapContext({ORGANIZATION_PAIRS[0]: call.tenant_id}, PROBE_AAD)
    dek = os.urandom(DEK_BYTES)
    try:
        wrapped = provider.wrap(ref, dek, own, call)
    except AccessDenied:
        yield WRAP_DENIED
        return
    except (KeyNotFound, KeyDisabled, KeyPendingDeletion, Unsupported) as failure:
        yield _unusable(failure)
        return
    try:
        if not hmac.compare_digest(provider.unwrap(wrapped, ref, own, call), dek):
            yield UNWRAP_WRONG
    except AccessDenied:
        yield UNWRAP_DENIED
    except CiphertextRejected:
        yield UNWRAP_WRONG
    yield from _of_another_organization(provider, ref, wrapped, unbound, call)


def _of_another_organization(
    provider: Probed, ref: CustomersKey, wrapped: WrappedKey, unbound: Finding, call: Call
) -> Iterator[Finding]:
    """By each spelling: a condition that holds only *if* the pair is there would be passed by the other one.

    AWS asks the policy before it opens anything, so a blob that is rejected was let through by the policy.
    """
    found = []
    for other in (WrapContext({pair: NOBODY}, PROBE_AAD) for pair in ORGANIZATION_PAIRS):
        try:
            provider.unwrap(wrapped, ref, other, call)
        except AccessDenied:
            if not _denied(lambda: provider.wrap(ref, os.urandom(DEK_BYTES), other, call)):  # noqa: B023  called at once
                found.append(unbound)
        except CiphertextRejected:
            found.append(unbound)
        else:
            found.append(CONTEXT_NOT_BOUND)
    yield from dict.fromkeys(found)


def _denied(use: Callable[[], object]) -> bool:
    try:
        use()
    except AccessDenied:
        return True
    return False


# --- failures that say what is wrong


def _pending(when: str | None) -> Finding:
    message = f"The key is deleted on {when}." if when else "The key is to be deleted."
    return _error("key_pending_deletion", message, "Cancel the deletion of the key, and enable it.")


_UNUSABLE: Mapping[type[ProviderError], Callable[[ProviderError], Finding]] = {
    ConfigInvalid: lambda failure: _error(
        "binding_invalid", str(failure), "Correct the key or the options of the binding."
    ),
    WrongRegion: lambda failure: _error("wrong_region", str(failure), "Bind a key of a region that we can reach."),
    KeyNotFound: lambda _: KEY_NOT_FOUND,
    KeyDisabled: lambda _: KEY_DISABLED,
    KeyPendingDeletion: lambda failure: _pending(getattr(failure, "when", None)),
    Unsupported: lambda _: WRONG_KEY_USAGE,
}


def _unusable(failure: ProviderError) -> Finding:
    return _UNUSABLE[type(failure)](failure)
