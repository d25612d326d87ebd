"""The layout record in Redis or Valkey, read before anything else is."""

from __future__ import annotations

from sealring.domain.layout import FORMAT, Layout
from sealring.domain.wire import MalformedBytes
from sealring.errors import SettingsInvalid, StoreLost
from sealring.store.connection.link import Reply
from sealring.store.connection.links import Links
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyspace import ALL_KEYS, LAYOUT, READY, is_marker

CLAIM = b"restore:"  # what begins so is the claim of a restore (store/backup/claim.py), and no layout


def read_layout(links: Links) -> Layout | None:
    """Return the layout, or None for a store that was never initialised.

    Raises StoreUnavailable; SettingsInvalid where a restore fills the store, or was cut short, or where the record is
    not one that this version knows.
    """
    raw = check_unclaimed(links)
    if raw is None:
        return None
    if raw[0:1] and raw[0] < FORMAT:
        raise SettingsInvalid(
            "the store was made by an older version of sealring, and before 0.1.0 no version reads another's: use the "
            "version that made it, or begin anew with an empty store and `sealring init`"
        )
    try:
        return Layout.decode(raw)
    except (MalformedBytes, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            "the store's layout record is damaged or of a newer version; restore it, or update sealring"
        ) from error


def write_layout(links: Links, layout: Layout) -> bool:
    """Initialise a store. Return False where it has a layout already; that one stays."""
    (written,) = links.record(LAYOUT, (b"SET", LAYOUT, layout.encode(), b"NX"))
    return written is not None


def check_unclaimed(links: Links) -> Reply:
    """Return what stands in the place of the layout. Raises SettingsInvalid where it is a claim; StoreUnavailable."""
    (raw,) = links.call((b"GET", LAYOUT))
    if raw is not None and raw.startswith(CLAIM):
        raise SettingsInvalid(
            "a restore into the store runs, or was cut short: let it end, or, where none runs, empty the store (delete "
            "its keys that begin with s1:; FLUSHALL deletes all), and restore again"
        )
    return raw


def check_untouched(links: Links) -> None:
    """Raises SettingsInvalid where a key of ours is there, be it of a store or of a part of one; StoreUnavailable."""
    if not holds_nothing(links):
        check_unclaimed(links)
        raise not_empty()


def holds_nothing(links: Links, but: bytes = b"") -> bool:
    """Whether no key of ours is there, but for one that may be. Raises StoreUnavailable."""
    return all(key == but for key in links.scan(ALL_KEYS))


def not_empty() -> SettingsInvalid:
    return SettingsInvalid(
        "the store is not empty: use an empty one, or stop all servers and delete its keys that begin with s1: "
        "(FLUSHALL deletes all); servers that ran on when the store was emptied leave some: then restore a backup with "
        "`sealring restore`"
    )


def holds_layout_alone(links: Links) -> bool:
    """Whether nothing was written since the layout but markers. Raises StoreUnavailable."""
    return all(key in {LAYOUT, READY} or is_marker(key) for key in links.scan(ALL_KEYS))


def check_writable(store: OpenedStore) -> None:
    """See that all is there that a worker needs at its start, and write, as requests would. Raises StoreError.

    In this order: a restore finds nothing of ours in a store that was emptied.
    """
    store.markers.check_all()
    if store.links.call((b"EXISTS", LAYOUT)) != [1]:
        raise StoreLost
    store.links.call((b"SET", READY, b"1", b"EX", 60))
