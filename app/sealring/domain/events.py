"""Audit events: who did what to which object, with what result. They never hold a value or a token."""

from __future__ import annotations

import os
from dataclasses import field, replace
from enum import StrEnum

from sealring.domain.context import KeyContext
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.values import value


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
    BINDING_CHANGED = "vault.binding.changed"  # `detail` is the new state
    BYOK_VERIFIED = "vault.byok_key.verification_completed"
    BYOK_DELETED = "vault.byok_key.deleted"
    DATA_KEY_CREATED = "vault.data_key.created"
    DATA_KEY_DECRYPTED = "vault.data_key.decrypted"
    DATA_KEY_REKEYED = "vault.data_key.rekeyed"
    ITEM_ENCRYPTED = "vault.item.encrypted"  # `target` is the batch and the index in it
    ITEM_DECRYPTED = "vault.item.decrypted"
    KEYRING_ENCRYPTED = "vault.keyring.encrypted"  # `target` is the DEK, `name` the keyring
    KEYRING_DECRYPTED = "vault.keyring.decrypted"
    KEYRING_REENCRYPTED = "vault.keyring.reencrypted"  # `target` is the new DEK
    KEYRING_REFUSED = "vault.keyring.refused"  # a stored DEK that failed its integrity check
    KEYRING_DEK_CREATED = "vault.keyring.dek_created"  # `detail` says why
    KEYRING_DEK_REWRAPPED = "vault.keyring.dek_rewrapped"
    KEYRING_DESTROYED = "vault.keyring.destroyed"  # no target: with all its DEKs
    TOKEN_REVOKED = "vault.token.revoked"  # noqa: S105  `name` is the issuer and token or subject, `detail` the reach
    REVOCATIONS_BEGUN = "vault.token.revocations_begun"  # an empty list was created
    LIMITS_SET = "vault.limits.set"  # `target` is the organization, `detail` its overrides
    LIMITS_CLEARED = "vault.limits.cleared"  # no target: those of all organizations
    PORTAL_LINK_CREATED = "vault.portal.link_created"  # `target` is the link
    PORTAL_SESSION_BEGAN = "vault.portal.session_began"  # `target` is the session, whose token id is the link
    PORTAL_SESSION_ENDED = "vault.portal.session_ended"  # before its time


KEY_USES = frozenset(  # whose keys sealed or opened something; other events only name them
    {
        Action.OBJECT_CREATED,
        Action.OBJECT_READ,
        Action.OBJECT_UPDATED,
        Action.DATA_KEY_CREATED,
        Action.DATA_KEY_DECRYPTED,
        Action.DATA_KEY_REKEYED,
        Action.ITEM_ENCRYPTED,
        Action.ITEM_DECRYPTED,
        Action.KEYRING_ENCRYPTED,
        Action.KEYRING_DECRYPTED,
        Action.KEYRING_REENCRYPTED,
        Action.KEYRING_DEK_CREATED,
        Action.KEYRING_DEK_REWRAPPED,
    }
)


@value
class Origin:
    """The origin of an event: an actor, in one attempt of one operation.

    An event that was appended twice (after a lost reply, or because its operation started again) has the same
    operation, action, organization and target both times.
    """

    issuer: str
    subject: str
    request_id: str
    operation: bytes = field(default_factory=lambda: os.urandom(16))
    attempt: int = 0
    token_id: str = ""  # the token's jti
    source: str = ""  # the class of the caller's address: loopback, private, public; empty if not over HTTP


@value
class Event:
    """One entry of the audit log. The store adds the time."""

    action: Action
    environment: EnvironmentId
    org: OrgId
    origin: Origin
    target: str = ""  # an object, version, data key or KEK id
    name: str = field(default="", repr=False)
    context: KeyContext | None = field(default=None, repr=False)
    keys: tuple[tuple[bytes, int], ...] = ()  # ids and versions of the KEKs
    refused: bool = False
    reason: str = ""  # of a refusal, and codes of findings; fixed phrases
    provider: str = ""  # of a customer's key, as events call it: AWS_KMS
    detail: str = ""  # fixed words, e.g. "verified", "suspended"

    def of_item(self, place: int, index: int) -> Event:
        """Return the event of one item, if this is that of its batch: `place` is that in the request."""
        origin = replace(self.origin, operation=operation_of_item(self.origin.operation, place))
        return replace(self, origin=origin, target=f"{self.target}/{index}")


def operation_of_item(operation: bytes, place: int) -> bytes:
    """Return the operation of one item of a batch, from that of the request."""
    return operation[:-4] + place.to_bytes(4, "big")
