"""The layout record in Redis or Valkey, read before anything else is."""

from __future__ import annotations

from sealring.domain.layout import Layout
from sealring.domain.wire import MalformedBytes
from sealring.errors import SettingsInvalid
from sealring.store.keyspace import LAYOUT, READY
from sealring.store.links import Links


def read_layout(links: Links) -> Layout | None:
    """Return the layout, or None for a store that was never initialised.

    Raises StoreUnavailable; SettingsInvalid where the record is not one that this version knows.
    """
    (raw,) = links.call((b"GET", LAYOUT))
    if raw is None:
        return None
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


def check_writable(links: Links) -> None:
    """Write and read, as a request would. Raises StoreError."""
    links.call((b"SET", READY, b"1", b"EX", 60), (b"GET", LAYOUT))
