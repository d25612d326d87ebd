"""The changed keys that the events of the audit stream report."""

from __future__ import annotations

from collections.abc import Callable

from sealring.domain.events import Action, Event
from sealring.domain.ids import ObjectId, parse_uuid
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.errors import IntegrityFailure
from sealring.store.schema.keyspace import Kind, LocalKey

CHANGES_OF_OBJECTS = frozenset(
    {
        Action.OBJECT_CREATED,
        Action.OBJECT_UPDATED,
        Action.OBJECT_DELETED,
        Action.OBJECT_RESTORED,
        Action.OBJECT_PURGED,
    }
)
CHANGES_OF_KEKS = frozenset({Action.KEK_CREATED})
CHANGES_OF_BINDINGS = frozenset(
    {Action.BINDING_CREATED, Action.BINDING_CHANGED, Action.BYOK_VERIFIED, Action.BYOK_DELETED}
)
CHANGES_OF_REVOCATIONS = frozenset({Action.TOKEN_REVOKED, Action.REVOCATIONS_BEGUN})
CHANGES_OF_LIMITS = frozenset({Action.LIMITS_SET, Action.LIMITS_CLEARED})
CHANGES_OF_KEYRINGS = frozenset({Action.KEYRING_DEK_CREATED, Action.KEYRING_DEK_REWRAPPED, Action.KEYRING_DESTROYED})
NO_CHANGES = frozenset(
    {
        Action.OBJECT_READ,
        Action.OBJECT_REFUSED,
        Action.OBJECT_EXPLAINED,
        Action.METADATA_READ,
        Action.VERSIONS_LISTED,
        Action.NAMES_LISTED,
        Action.DATA_KEY_CREATED,
        Action.DATA_KEY_DECRYPTED,
        Action.DATA_KEY_REKEYED,
        Action.ITEM_ENCRYPTED,
        Action.ITEM_DECRYPTED,
        Action.KEYRING_ENCRYPTED,
        Action.KEYRING_DECRYPTED,
        Action.KEYRING_REENCRYPTED,
        Action.KEYRING_REFUSED,
        Action.PORTAL_LINK_CREATED,
        Action.PORTAL_SESSION_BEGAN,
        Action.PORTAL_SESSION_ENDED,
    }
)


def changed_keys(event: Event, digest_of: Callable[[OwnedKeyring], bytes]) -> set[LocalKey]:
    """Return the primary keys that changed with the event, except the scope of a new KEK.

    `digest_of` is the keyspace's: the key of a keyring holds a digest of its name.

    Raises IntegrityFailure if the event does not say which, because no change may be missed.
    """
    action, target = event.action, event.target
    if action in NO_CHANGES:
        return set()
    if action in CHANGES_OF_OBJECTS and (object_id := ObjectId.parse(target)) is not None:
        return {(Kind.OBJECT, object_id.raw)}
    if action in CHANGES_OF_KEKS and (kek_id := parse_uuid(target)) is not None:
        return {(Kind.KEK, kek_id)}
    if action in CHANGES_OF_BINDINGS and (binding_id := parse_uuid(target)) is not None:  # its KEK has its id
        return {(Kind.KEK, binding_id), (Kind.BINDINGS, f"{event.environment}:{event.org}".encode())}
    if action in CHANGES_OF_REVOCATIONS | CHANGES_OF_LIMITS:
        kind = Kind.LIMITS if action in CHANGES_OF_LIMITS else Kind.REVOCATIONS
        return {(kind, event.environment.encode())}
    if action in CHANGES_OF_KEYRINGS:
        digest = digest_of(OwnedKeyring(event.environment, Keyring(event.name)))
        return {(Kind.KEYRING, digest), (Kind.KEYRING_USES, digest)}
    raise IntegrityFailure("audit entry")
