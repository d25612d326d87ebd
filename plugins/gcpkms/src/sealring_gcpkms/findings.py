"""Problems of a customer's key, found in its description, by test calls, and in the permissions on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from sealring_gcpkms.account import organization_label
from sealring_gcpkms.client import Client
from sealring_gcpkms.config import GcpConfig
from sealring_gcpkms.description import ALGORITHM, LABEL, PURPOSE, Described
from sealring_gcpkms.key import Target
from sealring_plugin import (
    AccessDenied,
    Call,
    CiphertextRejected,
    ConfigInvalid,
    CustomersKey,
    Finding,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    KeyState,
    ProviderError,
    Severity,
    Unsupported,
    WrongRegion,
)
from sealring_plugin.net import Endpoint

SHORT_WINDOW_S = 7 * 86_400  # Google's default is 30 days

_USE = "cloudkms.cryptoKeyVersions.useToDecrypt"
_TOO_MUCH = ("cloudkms.cryptoKeyVersions.destroy", "cloudkms.cryptoKeys.setIamPolicy", "cloudkms.cryptoKeys.update")
_PROBE_AAD = b"sealring-gcpkms/v1/probe"

Probe = Callable[[Target, Call], object]


def validate(config: GcpConfig, client: Client, key: CustomersKey, call: Call) -> Sequence[Finding]:
    """Return the findings, each code once. Raises failures that pass: Unavailable, Throttled, DeadlineExceeded."""
    try:
        target = Target.of(config, key)
        client.be_ourselves(call)
    except WrongRegion as error:
        return [
            _error("wrong_region", f"{error}.", "Bind the key with the endpoint of its location, or without endpoint.")
        ]
    except ConfigInvalid as error:
        return [_error("configuration", f"{error}.", "Correct the binding, or the settings of the provider.")]
    try:
        client.become(target, call)
    except AccessDenied as error:
        return [_error("identity_denied", f"We cannot impersonate the account: {error}.", _of_account(target))]
    except ConfigInvalid as error:  # of our own credentials, or of an account of ours
        advice = f"Tell the operator. {_of_account(target)}"
        return [_error("identity_denied", f"We cannot impersonate the account: {error}.", advice)]
    found: dict[str, Finding] = {}
    for finding in _all(client, target, config.endpoint, key, call):
        found.setdefault(finding.code, finding)
    return list(found.values())


def _all(client: Client, target: Target, endpoint: Endpoint, key: CustomersKey, call: Call) -> Iterator[Finding]:
    """`endpoint` is the operator's."""
    try:
        yield from _described(Described.of(target.key, client.describe(target, call)), key)
    except AccessDenied:
        yield _warning(
            "describe_denied",
            "We cannot see the state, rotation and labels of the key.",
            f"Grant roles/cloudkms.viewer on the key to {target.account.email}, or do without warnings.",
        )
    except KeyNotFound:
        yield _error("key_not_found", "There is no such key.", "Check the key id: project, location, key ring and key.")
        return
    yield from _probed(client, target, call)
    yield from _granted(client, target, call)
    yield from _shared(client, replace(target, endpoint=endpoint), call)


# --- by its description


def _described(key: Described, ref: CustomersKey) -> Iterator[Finding]:
    if key.purpose != PURPOSE:
        yield _error("wrong_purpose", "The key is not for encryption.", f"Make a key with purpose {PURPOSE}.")
    elif key.algorithm not in {"", ALGORITHM, "EXTERNAL_SYMMETRIC_ENCRYPTION"}:
        yield _error("wrong_algorithm", "The key's algorithm is unknown.", f"Make a key with {ALGORITHM}.")
    elif not key.version:
        yield _error("no_primary_version", "No version of the key is the primary one.", "Set a primary version.")
    else:
        yield from _of_state(key)
    yield from _of_care(key)
    yield from _of_label(key, organization_label(ref.option("external_id")))


def _of_state(key: Described) -> Iterator[Finding]:
    version = f"version {key.version}"
    if key.state is KeyState.DISABLED:
        yield _error("key_disabled", f"The primary version is not enabled: {version}.", f"Enable {version}.")
    if key.state is KeyState.PENDING_DELETION:
        when = f" on {key.destroy_time}" if key.destroy_time else ""
        yield _error(
            "key_pending_deletion",
            f"The primary version will be destroyed{when}: {version}.",
            f"Restore and enable {version}, or make another one the primary version.",
        )
    if key.state is KeyState.DESTROYED:
        yield _error(
            "key_destroyed",
            f"The primary version is destroyed: {version}.",
            "Make a new version the primary one; what the old one encrypted is lost.",
        )


def _of_care(key: Described) -> Iterator[Finding]:
    if not key.rotates:
        yield _warning("rotation_off", "The key does not rotate.", "Set a rotation period, e.g. 90 days.")
    if 0 < key.deletion_window_s < SHORT_WINDOW_S:
        yield _warning(
            "deletion_window_short",
            f"A version can be restored for only {key.deletion_window_s // 3600} hours after its destruction.",
            "Make a key with a longer destroy-scheduled-duration; it cannot be changed.",
        )
    if key.imported:
        yield _warning(
            "imported_material",
            "The key's material was imported: copies of it may exist, and automatic rotation is not possible.",
            "Keep a copy where only you can reach it, or use a key that Google generates.",
        )
    if key.protection.startswith("external"):
        yield _warning(
            "external_key",
            "The key is in a key manager outside Google, and each use of the key waits for it.",
            "Make sure that the key manager is as available as your secrets have to be.",
        )


def _of_label(key: Described, label: str) -> Iterator[Finding]:
    if key.label is None:
        yield _warning(
            "label_missing",
            "The key has no label that names its organization.",
            f"Set the label {LABEL}={label} on the key.",
        )
    elif key.label != label:
        yield _error(
            "label_of_another_organization",
            f"The label {LABEL} of the key names another organization.",
            f"If the key is this organization's, set the label {LABEL}={label} on it.",
        )


# --- by a probe


def _probed(client: Client, target: Target, call: Call) -> Iterator[Finding]:
    secret = os.urandom(32)
    sealed: list[bytes] = []

    def wrap(target: Target, call: Call) -> None:
        sealed.append(client.encrypt(target, secret, _PROBE_AAD, call)[1])

    def unwrap(target: Target, call: Call) -> None:
        if client.decrypt(target, sealed[0], _PROBE_AAD, call) != secret:
            raise CiphertextRejected

    yield from _tried(wrap, "wrap_denied", target, call)
    if not sealed:
        return
    yield from _tried(unwrap, "unwrap_denied", target, call)
    with suppress(CiphertextRejected, AccessDenied, KeyDisabled, KeyPendingDeletion, KeyDestroyed):
        client.decrypt(target, sealed[0], b"another context", call)
        yield _error(
            "context_not_bound",
            "The key unwraps a data key in another context than the one that it was wrapped in.",
            "Do not use this endpoint: it is not Google's Cloud KMS.",
        )


def _tried(probe: Probe, denied: str, target: Target, call: Call) -> Iterator[Finding]:
    try:
        probe(target, call)
    except AccessDenied as error:
        advice = f"Grant roles/cloudkms.cryptoKeyEncrypterDecrypter on the key to {target.account.email}."
        yield _error(denied, f"We may not use the key: {error}.", advice)
    except tuple(_FAILURES) as error:
        code, advice = _FAILURES[type(error)]
        yield _error(code, f"The key cannot be used: {error}.", advice)


_FAILURES: Mapping[type[ProviderError], tuple[str, str]] = {
    KeyDisabled: ("key_disabled", "Enable the key's primary version."),
    KeyPendingDeletion: ("key_pending_deletion", "Restore and enable the key's primary version."),
    KeyDestroyed: ("key_destroyed", "Make a new version the primary one; what the old one encrypted is lost."),
    KeyNotFound: ("key_not_found", "Check the key id: project, location, key ring and key."),
    Unsupported: ("wrong_purpose", f"Make a key with purpose {PURPOSE}."),
    CiphertextRejected: ("unwrap_failed", "Check whether the key's versions were changed just now, and retry."),
}


# --- by the permissions on it


def _granted(client: Client, target: Target, call: Call) -> Iterator[Finding]:
    with suppress(AccessDenied, KeyNotFound, Unsupported):
        if client.granted(target, _TOO_MUCH, call):
            yield _warning(
                "grant_too_broad",
                "Our account may change or destroy the key, or decide who uses it.",
                f"Remove from {target.account.email} all roles on the key, its key ring and its project except "
                "roles/cloudkms.cryptoKeyEncrypterDecrypter and roles/cloudkms.viewer.",
            )


def _shared(client: Client, target: Target, call: Call) -> Iterator[Finding]:
    """Uses our own token, so it calls the operator's endpoint: a host that a binding names never gets our own token."""
    with suppress(AccessDenied, KeyNotFound, Unsupported):
        if client.granted(target, [_USE], call, to_us=True):
            yield _error(
                "grant_not_bound_to_organization",
                "sealring's own account, which acts for all organizations, may use the key; perhaps everybody may.",
                f"Grant the role only to {target.account.email}; not to all users, a domain or another account.",
            )


def _of_account(target: Target) -> str:
    return (
        f"Grant roles/iam.serviceAccountTokenCreator on {target.account.email} to our principal, "
        "and make sure that the account exists and is enabled."
    )


def _error(code: str, message: str, advice: str) -> Finding:
    return Finding(code, Severity.ERROR, message, advice)


def _warning(code: str, message: str, advice: str) -> Finding:
    return Finding(code, Severity.WARNING, message, advice)
