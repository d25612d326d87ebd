"""A sweep of a store: checks that its records are intact, and that they point to each other in both directions.

A sweep may run beside servers. What seems wrong is read again, all at one moment, before it is a finding. For each
object of the current partition, the sweep remembers the id and the keys that must point to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from sealring.domain.ids import ObjectId
from sealring.store.connection.link import Link
from sealring.store.connection.links import unbroken
from sealring.store.opened import OpenedStore
from sealring.store.schema.counts import Counts
from sealring.store.schema.keyspace import Kind, parse_key
from sealring.store.verify.bindings import BindingSweep
from sealring.store.verify.events import EventSweep
from sealring.store.verify.keks import KekSweep
from sealring.store.verify.keyrings import KeyringSweep, OpenDek
from sealring.store.verify.limits import LimitsSweep
from sealring.store.verify.objects import ObjectSweep, Open
from sealring.store.verify.pointers import PointerSweep
from sealring.store.verify.portal import OF_THE_PORTAL, PortalSweep
from sealring.store.verify.revocations import RevocationSweep
from sealring.store.verify.types import TypeSweep
from sealring.store.verify.usage import UsageSweep

_AT_ONCE = 16  # records of one read; each may be larger than a megabyte
_OF_OWNERS = frozenset(  # the others have 16 bytes
    {
        Kind.ORG_INDEX,
        Kind.ENVIRONMENT_INDEX,
        Kind.BINDINGS,
        Kind.REVOCATIONS,
        Kind.LIMITS,
        Kind.USAGE,
        Kind.EPOCH,
        Kind.DIRECTORY,
    }
)


class Sweep:
    """Checks a store once."""

    def __init__(
        self,
        store: OpenedStore,
        open_envelope: Open,
        advance: Callable[[int], None],
        open_dek: OpenDek = lambda _ring, _dek_id, _record: None,
    ) -> None:
        """`open_envelope` is called with every envelope, `advance` with 1 for each key that was scanned.

        `open_dek` is called with every DEK of a keyring.
        """
        self._store = store
        self._open = open_envelope
        self._open_dek = open_dek
        self._advance = advance
        self.counts = Counts()

    def findings(self) -> Iterator[str]:
        """Yield a line for each finding, with ids, and never a name or a value. Raises StoreError."""
        for partition in range(self._store.keyspace.partitions):
            yield from self._partition(partition)

    def _partition(self, partition: int) -> Iterator[str]:
        with unbroken(), self._store.links.borrow(self._store.keyspace.audit(partition)) as link:
            sweep = _PartitionSweep(link, self._store, partition, self._open, self._open_dek)
            yield from sweep.findings(self._advance)
            self.counts += sweep.counts()


class _PartitionSweep:
    def __init__(self, link: Link, store: OpenedStore, partition: int, open_envelope: Open, open_dek: OpenDek) -> None:
        self._link = link
        self._keyspace = store.keyspace
        self._partition = partition
        self._usage = UsageSweep(link, store, partition)
        self._keks = KekSweep(link, store.keyspace, store.records, partition)
        self._objects = ObjectSweep(link, store, self._keks, open_envelope)
        self._pointers = PointerSweep(link, store, partition)
        self._bindings = BindingSweep(link, store, partition)
        self._keyrings = KeyringSweep(link, store, partition, self._keks, self._usage, open_dek)
        self._revocations = RevocationSweep(link, store, partition)
        self._limits = LimitsSweep(link, store, partition)
        self._portal = PortalSweep(link, store, partition)
        self._events = EventSweep(link, store, partition)
        self._types = TypeSweep(link, store.keyspace, partition)
        self._keks_seen: set[bytes] = set()
        self._scopes_seen: set[bytes] = set()
        self._objects_seen = 0
        self._versions_seen = 0

    def findings(self, advance: Callable[[int], None]) -> Iterator[str]:
        """Check first what each key holds, then the pointers."""
        for kind, rests in self._batches(advance):
            yield from self._look(kind, rests)
        yield from self._pointers.findings()
        yield from self._bindings.wrong_with_owners()
        yield from self._keyrings.wrong_with_list()
        yield from self._portal.wrong_with_list()
        yield from self._events.findings()
        yield from self._usage.findings()

    def counts(self) -> Counts:
        return Counts(
            objects=self._objects_seen,
            versions=self._versions_seen,
            keks=len(self._keks_seen),
            scopes=len(self._scopes_seen),
            bindings=self._bindings.count,
            entries=self._events.count,
            revocations=self._revocations.count,
            deks=self._keyrings.count,
        )

    def _batches(self, advance: Callable[[int], None]) -> Iterator[tuple[Kind, list[bytes]]]:
        waiting: defaultdict[Kind, list[bytes]] = defaultdict(list)
        for key in self._link.scan(self._keyspace.pattern(self._partition)):
            advance(1)
            kind, rest = parse_key(key)
            if kind is None or (kind not in _OF_OWNERS and len(rest) != 16):
                continue  # it points to no object, and nothing points to it
            waiting[kind].append(rest)
            if len(waiting[kind]) == _AT_ONCE:
                yield kind, waiting.pop(kind)
        yield from waiting.items()

    def _look(self, kind: Kind, rests: Sequence[bytes]) -> Iterator[str]:
        match kind:
            case Kind.OBJECT:
                yield from self._look_at_objects(rests)
            case Kind.KEK:
                yield from self._look_at_keks(rests)
            case Kind.KEK_USES | Kind.LAST_USE:
                yield from self._keks.wrong_with_uses(kind, rests)
            case Kind.KEK_SCOPE:
                self._scopes_seen.update(rests)
                yield from self._keks.wrong_with_scopes(rests)
            case Kind.BINDINGS:
                yield from chain.from_iterable(map(self._bindings.wrong_with_bindings, rests))
            case Kind.REVOCATIONS | Kind.LIMITS:
                of_kind = self._limits if kind is Kind.LIMITS else self._revocations
                yield from chain.from_iterable(map(of_kind.wrong_with, rests))
            case Kind.KEYRING | Kind.KEYRING_USES:
                yield from self._keyrings.wrong_with(kind, rests)
            case Kind.USAGE:
                self._usage.add_homes(rests)
            case Kind.DIRECTORY | Kind.EPOCH | Kind.OUTCOMES | Kind.PORTAL_LINK | Kind.PORTAL_SESSION:
                of_what = self._portal if kind in OF_THE_PORTAL else self._types
                yield from of_what.wrong_with(kind, rests)
            case _:
                self._note(kind, rests)

    def _note(self, kind: Kind, rests: Sequence[bytes]) -> None:
        """Keep pointers to objects until all objects were checked."""
        match kind:
            case Kind.NAME:
                self._pointers.add_names(rests)
            case Kind.VERSIONS | Kind.SUMMARIES:
                self._pointers.add_histories(rests)
            case Kind.ORG_INDEX | Kind.ENVIRONMENT_INDEX:
                self._pointers.add_indexes(kind, rests)

    def _look_at_objects(self, raw_ids: Sequence[bytes]) -> Iterator[str]:
        fresh = [ObjectId(each) for each in raw_ids if not self._pointers.knows(each)]  # a scan may yield a key twice
        for seen in self._objects.look(fresh) if fresh else ():
            self._pointers.add_object(seen)
            self._usage.add_object(seen)
            self._objects_seen += not seen.gone
            self._versions_seen += len(seen.versions)
            yield from (f"{seen.id}: {wrong}" for wrong in seen.wrong)

    def _look_at_keks(self, kek_ids: Sequence[bytes]) -> Iterator[str]:
        fresh = [each for each in kek_ids if each not in self._keks_seen]  # likewise
        self._keks_seen.update(fresh)
        readable = self._keks.readable(fresh)
        self._usage.add_keks(readable, lacking=len(fresh) - len(readable))
        yield from self._keks.wrong_with_keks(kek_ids)
