"""The layout record in Redis or Valkey, read before anything else."""

from __future__ import annotations

from sealring.domain.layout import FORMAT, Layout
from sealring.domain.wire import MalformedBytes
from sealring.errors import SettingsInvalid, StoreLost
from sealring.store.connection.link import Reply
from sealring.store.connection.links import Links
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyspace import ALL_KEYS, LAYOUT, READY, is_marker

CLAIM = b"restore:"  # begins the claim of a restore (store/backup/claim.py), which is not a layout


def read_layout(links: Links) -> Layout | None:
    """Return the layout, or None for a store that was never initialised.

    Raises StoreUnavailable; SettingsInvalid if a restore is running or was interrupted, or if this version cannot read
    the record.
    """
    raw = check_unclaimed(links)
    if raw is None:
        return None
    if raw[0:1] and raw[0] < FORMAT:
        raise SettingsInvalid(
            "the store was made by an older version of sealring, and versions before 0.1.0 cannot read each other's "
            "stores: use the version that made it, or start with an empty store and `sealring init`"
        )
    try:
        return Layout.decode(raw)
    except (MalformedBytes, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            "the store's layout record is damaged or of a newer version; restore it, or update sealring"
        ) from error


def write_layout(links: Links, layout: Layout) -> bool:
    """Initialise a store. Return False if it has a layout, which stays."""
    (written,) = links.record(LAYOUT, (b"SET", LAYOUT, layout.encode(), b"NX"))
    return written is not None


def check_unclaimed(links: Links) -> Reply:
    """Return the raw layout record, or None. Raises SettingsInvalid if it is a claim; StoreUnavailable."""
    (raw,) = links.call((b"GET", LAYOUT))
    if raw is not None and raw.startswith(CLAIM):
        raise SettingsInvalid(
            "a restore into the store is running or was interrupted: let it finish, or, if none is running, empty the "
            "store (delete its keys that begin with s1:; FLUSHALL deletes all keys), and restore again"
        )
    return raw


def check_untouched(links: Links) -> None:
    """Raises SettingsInvalid if the store holds any key of ours; StoreUnavailable."""
    if not holds_nothing(links):
        check_unclaimed(links)
        raise not_empty()


def holds_nothing(links: Links, but: bytes = b"") -> bool:
    """Whether the store holds no key of ours except `but`. Raises StoreUnavailable."""
    return all(key == but for key in links.scan(ALL_KEYS))


def not_empty() -> SettingsInvalid:
    return SettingsInvalid(
        "the store is not empty: use an empty one, or stop all servers and delete its keys that begin with s1: "
        "(FLUSHALL deletes all keys); servers that kept running while the store was emptied leave such keys: after "
        "deleting them, restore a backup with `sealring restore`"
    )


def holds_layout_alone(links: Links) -> bool:
    """Whether the store holds only its layout and its markers. Raises StoreUnavailable."""
    return all(key in {LAYOUT, READY} or is_marker(key) for key in links.scan(ALL_KEYS))


def check_writable(store: OpenedStore) -> None:
    """Check that the store has what a worker needs at its start, and accepts writes. Raises StoreError.

    The write comes last: nothing is written to a store that was emptied, so that a restore finds it empty.
    """
    store.markers.check_all()
    if store.links.call((b"EXISTS", LAYOUT)) != [1]:
        raise StoreLost
    store.links.call((b"SET", READY, b"1", b"EX", 60))
