"""Checks of the audit stream: finds entries that we did not append there."""

from __future__ import annotations

from collections.abc import Iterator

from sealring.errors import IntegrityFailure
from sealring.store.connection.link import Link
from sealring.store.opened import OpenedStore
from sealring.store.schema.audit_entry import decode_fields

_AT_ONCE = 500


class EventSweep:
    """Checks the events of one partition. Removed events are not noticed here."""

    def __init__(self, link: Link, store: OpenedStore, partition: int) -> None:
        self._link = link
        self._stream = store.keyspace.audit(partition)
        self._keys = store.keys
        self._partition = partition
        self.count = 0

    def findings(self) -> Iterator[str]:
        after = b"-"
        while True:
            (page,) = self._link.snapshot((b"XRANGE", self._stream, after, b"+", b"COUNT", _AT_ONCE))
            if isinstance(page, Exception):
                yield f"partition {self._partition}: the audit log is of another type"
                return
            self.count += len(page)
            for event_id, parts in page:
                if not self._is_ours(parts):
                    yield f"partition {self._partition}: the audit entry {event_id.decode()} was altered"
            if len(page) < _AT_ONCE:
                return
            after = b"(" + page[-1][0]

    def _is_ours(self, parts: list[bytes]) -> bool:
        try:
            decode_fields(self._keys, self._partition, parts)
        except IntegrityFailure:
            return False
        return True
