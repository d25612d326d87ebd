"""Audit events: who did what to which object, and how it ended. Never a value, a name in clear, or a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sealring.domain.ids import EnvironmentId, OrgId


class Action(StrEnum):
    OBJECT_CREATED = "vault.object.created"
    OBJECT_READ = "vault.object.read"
    OBJECT_UPDATED = "vault.object.updated"
    OBJECT_DELETED = "vault.object.deleted"
    OBJECT_RESTORED = "vault.object.restored"
    OBJECT_PURGED = "vault.object.purged"
    OBJECT_REFUSED = "vault.object.refused"  # a stored record that failed its integrity check
    OBJECT_EXPLAINED = "vault.object.explained"
    METADATA_READ = "vault.metadata.read"
    VERSIONS_LISTED = "vault.versions.listed"
    NAMES_LISTED = "vault.names.listed"
    KEK_CREATED = "vault.kek.created"
    BINDING_CREATED = "vault.binding.created"
    BINDING_CHANGED = "vault.binding.changed"  # `detail` says into which state
    BYOK_VERIFIED = "vault.byok_key.verification_completed"
    BYOK_DELETED = "vault.byok_key.deleted"
    DATA_KEY_CREATED = "vault.data_key.created"
    DATA_KEY_DECRYPTED = "vault.data_key.decrypted"
    DATA_KEY_REKEYED = "vault.data_key.rekeyed"
    TOKEN_REVOKED = "vault.token.revoked"  # noqa: S105  `target` says whose, `detail` which of them
    REVOCATIONS_BEGUN = "vault.token.revocations_begun"  # an empty list of them


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the audit log. The store adds the time; `name` is stored as a keyed digest."""

    action: Action
    environment: EnvironmentId
    org: OrgId
    actor: str  # "issuer|subject"
    request_id: str
    target: str = ""  # an object, version, data key or KEK id
    name: str = field(default="", repr=False)
    key_ids: tuple[str, ...] = ()
    reason: str = ""  # of a refusal; a fixed phrase
    provider: str = ""  # of a customer's key, as events call it: AWS_KMS
    detail: str = ""  # fixed words, e.g. "verified", "suspended"
