"""The recount of what organizations store, compared with their counts.

Organizations that are written during the sweep are left out, because no moment has all of their objects. The audit
stream tells which: every change is reported by its own EXEC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sealring.domain.events import Action
from sealring.domain.ids import HOME_BYTES, Home
from sealring.domain.kek import KekRecord, KekScope
from sealring.domain.keyrings import OwnedKeyring
from sealring.domain.limits import Use
from sealring.errors import IntegrityFailure
from sealring.store.batches import in_batches
from sealring.store.connection.link import Link, Reply
from sealring.store.connection.timing import microseconds
from sealring.store.opened import OpenedStore
from sealring.store.schema.audit_entry import decode_fields
from sealring.store.schema.keyspace import Owner
from sealring.store.usage import use_of, uses_in
from sealring.store.verify.objects import Seen

_HOMES_AT_ONCE = 100
_EVENTS_AT_ONCE = 500
_MOVES = frozenset(
    {
        Action.OBJECT_CREATED,
        Action.OBJECT_UPDATED,
        Action.OBJECT_PURGED,
        Action.KEK_CREATED,
        Action.KEYRING_DEK_CREATED,
        Action.KEYRING_DESTROYED,
    }
)


class UsageSweep:
    """Counts again, and compares. Make it before anything of the partition is read. Raises LinkLost; Elsewhere."""

    def __init__(self, link: Link, store: OpenedStore, partition: int) -> None:
        self._link = link
        self._keyspace = store.keyspace
        self._keys = store.keys
        self._partition = partition
        self._since_ms = microseconds(link.send((b"TIME",))[0]) // 1000
        self._used: defaultdict[Owner, Use] = defaultdict(Use)
        self._homes: set[Home] = set()
        self.knows_all = True  # nothing was altered so that its owner is unknown

    def add_object(self, seen: Seen) -> None:
        if seen.record is not None:
            self._used[seen.record.environment, seen.record.org] += use_of(seen.record, seen.summaries.values())
        if seen.wrong:
            self.knows_all = False

    def add_keks(self, keks: Iterable[KekRecord], lacking: int) -> None:
        """Count managed KEKs; `lacking` others could not be read."""
        for kek in keks:
            if kek.bound is None:
                self._used[KekScope.parse_owner(kek.scope)] += Use(contexts=1)
        if lacking:
            self.knows_all = False

    def add_deks(self, ring: OwnedKeyring, deks: int) -> None:
        """Count the DEKs of a keyring, each of which is an object."""
        self._used[ring.environment, ring.org] += Use(objects=deks)

    def add_homes(self, rests: Sequence[bytes]) -> None:
        self._homes.update(Home(rest) for rest in rests if len(rest) == HOME_BYTES)

    def findings(self) -> Iterator[str]:
        counted: dict[Owner, Use] = {}
        homes_used = {self._keyspace.home(*owner) for owner in self._used}
        for homes in in_batches(self._homes | homes_used, _HOMES_AT_ONCE):
            yield from self._read(homes, counted)
        busy = self._busy()
        if busy is None or not self.knows_all:
            return
        for owner in sorted({*counted, *self._used} - busy):
            found, count = self._used.get(owner, Use()), counted.get(owner, Use())
            if found != count:
                home = self._keyspace.home(*owner).raw.hex().upper()  # no finding names an organization
                yield f"secret_{home}… ({owner[0]}): counted as {_said(count)}, but there are {_said(found)}"

    def _read(self, homes: Sequence[Home], counted: dict[Owner, Use]) -> Iterator[str]:
        replies = self._link.snapshot(*((b"HGETALL", self._keyspace.usage(each)) for each in homes))
        for home, flat in zip(homes, replies, strict=True):
            found = self._counts(home, flat)
            if found is None:
                self.knows_all = False
                yield f"partition {self._partition}: the counts of what organizations store were altered"
            else:
                counted |= found

    def _counts(self, home: Home, flat: Reply) -> dict[Owner, Use] | None:
        """Return the counts of a home; None if HINCRBY did not make them, or not there."""
        if isinstance(flat, Exception):
            return None
        try:
            found = uses_in(flat)
        except IntegrityFailure:
            return None
        return None if any(self._keyspace.home(*owner) != home for owner in found) else found

    def _busy(self) -> set[Owner] | None:
        """Return whose counts may have moved since the start of the sweep; None if the stream cannot tell."""
        busy: set[Owner] = set()
        after, stream = b"%d" % self._since_ms, self._keyspace.audit(self._partition)
        while True:
            (page,) = self._link.snapshot((b"XRANGE", stream, after, b"+", b"COUNT", _EVENTS_AT_ONCE))
            if isinstance(page, Exception):
                return None
            try:
                events = [decode_fields(self._keys, self._partition, parts).event for _, parts in page]
            except IntegrityFailure:
                return None
            busy |= {(each.environment, each.org) for each in events if each.action in _MOVES}
            if len(page) < _EVENTS_AT_ONCE:
                return busy
            after = b"(" + page[-1][0]


def _said(use: Use) -> str:
    return f"{use.objects} objects, {use.stored_bytes} bytes and {use.contexts} contexts"
