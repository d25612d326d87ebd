"""What is wrong, or soon will be, with a key and our access to it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sealring_azurekv.client import Client
from sealring_azurekv.description import AES_TYPE, KeyBundle
from sealring_azurekv.key import Target
from sealring_azurekv.setup import TAG
from sealring_plugin import (
    DEK_BYTES,
    AccessDenied,
    Call,
    CiphertextRejected,
    CustomersKey,
    CustomersKeys,
    Finding,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    ProviderError,
    Severity,
    Unsupported,
    WrapContext,
)

EXPIRY_WARNING_S = 30 * 86_400
SHORT_RECOVERY_DAYS = 30  # a vault keeps deleted keys for 7 to 90

_PROBE = WrapContext({}, b"sealring-azurekv/v1/probe")
_NEEDED = {True: frozenset({"wrapKey", "unwrapKey"}), False: frozenset({"encrypt", "decrypt"})}

# code: severity, what is the matter, what the key's owner has to do
_E, _W = Severity.ERROR, Severity.WARNING
FINDINGS: Mapping[str, tuple[Severity, str, str]] = {
    "key_disabled": (_E, "The key is disabled.", "Enable its newest version."),
    "key_expired": (_E, "The key has expired.", "Rotate it, or set a later expiry date."),
    "key_not_yet_valid": (_E, "The key is not yet valid.", "Set an earlier activation date."),
    "key_pending_deletion": (_E, "The key is deleted.", "Recover it before it is purged: az keyvault key recover."),
    "key_not_found": (_E, "There is no such key, or its vault is gone.", "Check the key's URL and the tenant's id."),
    "wrong_key_type": (_E, "The key is neither RSA nor oct-HSM.", "Make one of those; elliptic curves do not wrap."),
    "wrong_operations": (
        _E,
        "The key's permitted operations lack ours.",
        "Permit wrapKey and unwrapKey, or for an oct-HSM key encrypt and decrypt.",
    ),
    "rsa_too_small": (_E, "The RSA key has less than 2048 bits.", "Make one of 2048 or 3072 bits."),
    "wrap_denied": (_E, "We may not wrap.", "Follow the setup guide; roles take minutes to reach the vault."),
    "unwrap_denied": (_E, "We may not unwrap.", "Follow the setup guide; roles take minutes to reach the vault."),
    "wrap_unsupported": (_E, "The key does not wrap as we need it.", "Make an RSA or a 256-bit oct-HSM key."),
    "describe_denied": (
        _E,
        "We may not read the key, so that we can see neither whose it is nor whether it is disabled.",
        "Give us keys/get, as the setup guide says.",
    ),
    "unwrap_failed": (
        _E,
        "What the key wrapped does not unwrap.",
        "Make another key; this one would lose what it wraps.",
    ),
    "rsa_4096_slow": (
        _W,
        "The RSA key has 4096 bits: a vault makes no more than 25 operations a second with one in its HSM.",
        "Make one of 2048 or 3072 bits.",
    ),
    "key_exportable": (_W, "The key may leave the vault.", "Make one that is not exportable."),
    "key_expires_soon": (_W, "The key expires within 30 days.", "Rotate it, or set a later expiry date."),
    "key_of_certificate": (
        _W,
        "The key belongs to a certificate and is renewed and deleted with it.",
        "Make a key of its own.",
    ),
    "purge_protection_off": (
        _W,
        "A deleted key can be purged at once, and everything with it.",
        "Enable purge protection: az keyvault update --enable-purge-protection.",
    ),
    "deletion_window_short": (
        _W,
        "A deleted key can be recovered for less than 30 days.",
        "Move to a vault with a longer retention; it is fixed when a vault is made.",
    ),
    "deletion_protection_unknown": (
        _W,
        "The vault does not say whether deleted keys can be recovered.",
        "Check that soft-delete and purge protection are on.",
    ),
    "rotation_off": (_W, "The key has no rotation policy.", "Set one: az keyvault key rotation-policy update."),
    "grant_not_bound_to_organization": (
        _E,
        "Nothing shows that the key is meant for this organization, so that any other could bind it.",
        f"Give it the tag {TAG}, with the external id of the setup guide.",
    ),
    "grant_for_another_organization": (
        _E,
        "The key's tag says that it is meant for another organization.",
        f"Give it the tag {TAG}, with the external id of this organization's setup guide, or bind another key.",
    ),
}

_BY_FAILURE: Mapping[type[ProviderError], str] = {
    KeyDisabled: "key_disabled",
    KeyPendingDeletion: "key_pending_deletion",
    KeyNotFound: "key_not_found",
    Unsupported: "wrap_unsupported",
    CiphertextRejected: "unwrap_failed",
}
_OF_THE_KEY = tuple(_BY_FAILURE)


@dataclass(frozen=True, slots=True)
class Examination:
    """Of one key. What is no fault of the key or of our access (throttled, unavailable) is raised."""

    provider: CustomersKeys
    client: Client
    target: Target
    key: CustomersKey
    call: Call

    def findings(self) -> Sequence[Finding]:
        try:
            described = list(self._described())
        except _OF_THE_KEY as error:
            described = [_BY_FAILURE[type(error)]]
        broken = any(FINDINGS[code][0] is Severity.ERROR for code in described)
        return [_finding(code) for code in (described if broken else [*described, *self._tried()])]

    def _described(self) -> Iterator[str]:
        try:
            bundle = self.client.key(self.target, self.call)
        except AccessDenied:
            yield "describe_denied"
            return
        yield from _state(bundle, time.time())
        yield from _kind(bundle)
        yield from _recovery(bundle)
        yield from self._meant_for(bundle.tags.get(TAG, ""))
        if not self.target.managed_hsm:  # Managed HSM has no rotation policies
            yield from self._rotation()

    def _meant_for(self, tag: str) -> Iterator[str]:
        if tag != self.key.option("external_id"):
            yield "grant_for_another_organization" if tag else "grant_not_bound_to_organization"

    def _rotation(self) -> Iterator[str]:
        """Nothing where we may not ask: none of the roles that wrap includes it."""
        try:
            policy = self.client.rotation_policy(self.target, self.call)
        except AccessDenied:
            return
        if not _rotates(policy):
            yield "rotation_off"

    def _tried(self) -> Iterator[str]:
        dek = os.urandom(DEK_BYTES)
        try:
            wrapped = self.provider.wrap(self.key, dek, _PROBE, self.call)
        except AccessDenied:
            yield "wrap_denied"
            return
        except _OF_THE_KEY as error:
            yield _BY_FAILURE[type(error)]
            return
        try:
            if self.provider.unwrap(wrapped, self.key, _PROBE, self.call) != dek:
                yield "unwrap_failed"
        except AccessDenied:
            yield "unwrap_denied"
        except _OF_THE_KEY as error:
            yield _BY_FAILURE[type(error)]


def _finding(code: str) -> Finding:
    severity, message, advice = FINDINGS[code]
    return Finding(code, severity, message, advice)


def _rotates(policy: Mapping[str, Any]) -> bool:
    """Whether one of a policy's actions, which may be to notify alone, is to rotate; in whatever case it is written."""
    actions = policy.get("lifetimeActions")
    kinds = [each.get("action") for each in actions if isinstance(each, dict)] if isinstance(actions, list) else []
    return any(str(kind.get("type")).lower() == "rotate" for kind in kinds if isinstance(kind, dict))


def _state(bundle: KeyBundle, now: float) -> Iterator[str]:
    if not bundle.enabled:
        yield "key_disabled"
    if bundle.not_before is not None and now < bundle.not_before:
        yield "key_not_yet_valid"
    if bundle.expires is not None and now >= bundle.expires:
        yield "key_expired"
    elif bundle.expires is not None and now >= bundle.expires - EXPIRY_WARNING_S:
        yield "key_expires_soon"


def _kind(bundle: KeyBundle) -> Iterator[str]:
    if not bundle.is_rsa and bundle.type != AES_TYPE:
        yield "wrong_key_type"
    elif not _NEEDED[bundle.is_rsa] <= bundle.operations:
        yield "wrong_operations"
    if bundle.bits is not None and bundle.bits < 2048:
        yield "rsa_too_small"
    if bundle.bits is not None and bundle.bits >= 4096:
        yield "rsa_4096_slow"
    if bundle.exportable:
        yield "key_exportable"
    if bundle.managed:
        yield "key_of_certificate"


def _recovery(bundle: KeyBundle) -> Iterator[str]:
    """A key can be purged where the level says so: learn.microsoft.com/rest/api/keyvault/keys/get-key."""
    if not bundle.recovery_level:
        yield "deletion_protection_unknown"
    elif "Purgeable" in bundle.recovery_level:
        yield "purge_protection_off"
    if bundle.recoverable_days is not None and bundle.recoverable_days < SHORT_RECOVERY_DAYS:
        yield "deletion_window_short"
