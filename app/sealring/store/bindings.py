"""Bindings in Redis or Valkey: a hash for each organization, and its epoch."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from sealring.domain.binding import Binding, BindingUse, binding_home, governing
from sealring.domain.binding_ports import BindingChange
from sealring.domain.decision import Decision, new_epoch
from sealring.domain.ids import EnvironmentId, Home, OrgId, environment_id, org_id
from sealring.domain.kek import KekRecord, KekScope
from sealring.errors import IntegrityFailure, StoreLost
from sealring.store.audit import RedisAudit
from sealring.store.batches import in_batches
from sealring.store.binding_uses import beginning, reading, use_of
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.connection.links import Links
from sealring.store.connection.timing import microseconds
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace, Kind
from sealring.store.schema.records import Records
from sealring.store.transaction import Commit, Settled, transact

_AT_ONCE = 64  # bindings whose use one send reads
SEAL = b""  # the field with a MAC over all bindings of the organization: a removed one is noticed


class RedisBindings:
    """The BindingStore of production. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers, records: Records, audit: RedisAudit) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._records = records
        self._audit = audit

    def home(self, environment: EnvironmentId, org: OrgId) -> Home:
        return self._keyspace.home(environment, org)

    def load(self, environment: EnvironmentId, org: OrgId) -> Decision:
        key = self._keyspace.bindings(environment, org)
        home = self._keyspace.home(environment, org)
        epoch_key = self._keyspace.epoch(home)
        reading = ((b"GET", epoch_key), (b"HGETALL", key))
        epoch, flat = self._markers.snapshot(home.partition, *reading)
        if epoch is None:  # the organization's first load
            self._links.call((b"SET", epoch_key, new_epoch(), b"NX"))
            epoch, flat = self._markers.snapshot(home.partition, *reading)
        if epoch is None:
            raise StoreLost
        return Decision(environment, org, epoch, self._decoded(flat, environment, org))

    def owner(self, binding_id: bytes) -> tuple[EnvironmentId, OrgId] | None:
        home = binding_home(binding_id)
        if not self._keyspace.holds(home):
            return None
        # From the record of its KEK, which has a MAC. The list of owners has none; without it, nobody could suspend.
        (raw,) = self._markers.load(home.partition, (b"GET", self._keyspace.key(home.partition, Kind.KEK, binding_id)))
        return None if raw is None else KekScope.parse_owner(self._records.decode_kek(binding_id, raw).scope)

    def change(
        self, environment: EnvironmentId, org: OrgId, decide: Callable[[Sequence[Binding], int], BindingChange]
    ) -> Binding:
        key, partition = self._keyspace.bindings(environment, org), self._keyspace.partition(environment, org)
        wanted: list[BindingChange] = []

        def attempt(link: Link, lost: Sequence[Binding]) -> Commit[Binding] | Settled[Binding]:
            _, marker, flat, now = link.send(
                (b"WATCH", key, self._markers.key(partition)),
                self._markers.reading(partition),
                (b"HGETALL", key),
                (b"TIME",),
            )
            self._markers.check(partition, marker)
            found = self._decoded(flat, environment, org)
            landed = [change for change in wanted if lost and (change.binding in found) is not change.removes]
            if landed:  # an earlier EXEC of ours, whose reply was lost
                return Settled(landed[-1].binding)
            change = decide(found, microseconds(now))
            wanted.append(change)
            entry = self._audit.entry(change.event)
            writes = (entry.command, *self._writes(found, change))
            return Commit(writes, change.binding, lambda: self._audit.refused(entry))

        return transact(self._links, key, attempt)

    def uses(self, environment: EnvironmentId, org: OrgId, bindings: Sequence[Binding]) -> Mapping[bytes, BindingUse]:
        partition = self._keyspace.partition(environment, org)
        found: dict[bytes, BindingUse] = {}
        for some in in_batches(bindings, _AT_ONCE):
            commands = [command for each in some for command in reading(self._keyspace, each)]
            replies = self._markers.replies(partition, *commands)
            for each, flat, entries in zip(some, replies[::2], replies[1::2], strict=True):
                with suppress(IntegrityFailure):  # `sealring verify` reports it; the binding itself is intact
                    found[each.id] = use_of(self._records, each, flat, entries)
        return found

    def owners(self, partition: int) -> Sequence[tuple[EnvironmentId, OrgId]]:
        (found,) = self._markers.load(partition, (b"HVALS", self._keyspace.binding_owners(partition)))
        return sorted({_owner(owner) for owner in found})

    def _writes(self, found: Sequence[Binding], change: BindingChange) -> Sequence[Command]:
        binding = change.binding
        home = binding_home(binding.id)
        key = self._keyspace.bindings(binding.environment, binding.org)
        kek_key = self._keyspace.kek(binding.environment, binding.org, binding.id)
        owners = self._keyspace.binding_owners(home.partition)
        writes: list[Command] = []
        changed = {each.id: each for each in (binding, *change.others)}
        every = {**{each.id: each for each in found}, **changed}
        if change.removes:
            del every[binding.id]
            uses = [command[1] for command in reading(self._keyspace, binding)]
            writes += [(b"HDEL", key, binding.id), (b"HDEL", owners, binding.id), (b"DEL", kek_key, *uses)]
        else:
            writes += [(b"HSET", key, each.id, self._records.encode_binding(each)) for each in changed.values()]
            writes += beginning(self._keyspace, self._records, found, changed.values())
        if binding.id not in {each.id for each in found}:
            writes.append((b"SET", kek_key, self._records.encode_kek(KekRecord((binding.kek,)))))
            writes.append((b"HSET", owners, binding.id, f"{binding.environment} {binding.org}"))
        if governing(found) != governing(every.values()):
            writes.append((b"SET", self._keyspace.epoch(home), new_epoch()))
        seal = self._records.seal_bindings(binding.environment, binding.org, every.values())
        return (*writes, (b"HSET", key, SEAL, seal))

    def _decoded(self, flat: Reply, environment: EnvironmentId, org: OrgId) -> Sequence[Binding]:
        records = dict(zip(flat[::2], flat[1::2], strict=True))
        seal = records.pop(SEAL, b"")
        found = [
            self._checked(self._records.decode_binding(binding_id, raw), environment, org)
            for binding_id, raw in records.items()
        ]
        if (found or seal) and not hmac.compare_digest(seal, self._records.seal_bindings(environment, org, found)):
            raise IntegrityFailure("the bindings of an organization are not all of them")
        return found

    def _checked(self, binding: Binding, environment: EnvironmentId, org: OrgId) -> Binding:
        if (binding.environment, binding.org) != (environment, org) or binding_home(binding.id) != self.home(
            environment, org
        ):
            raise IntegrityFailure("the binding of another organization")
        return binding


def _owner(raw: bytes) -> tuple[EnvironmentId, OrgId]:
    environment, _, org = raw.decode("ascii", "replace").partition(" ")
    found = environment_id(environment), org_id(org)
    if found[0] is None or found[1] is None:
        raise IntegrityFailure("the owner of a binding")
    return found[0], found[1]
