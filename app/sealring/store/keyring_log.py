"""The events and counts of keyrings in Redis or Valkey, wherever their DEKs are stored.

The counts have no MAC, because HINCRBY makes them, in the send of the event. No transaction watches them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sealring.domain.decision import Epoch, new_epoch
from sealring.domain.events import Event
from sealring.domain.keyring_ports import KeyringChange, Used
from sealring.domain.keyrings import DekId, OwnedKeyring
from sealring.errors import IntegrityFailure
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.connection.links import Links
from sealring.store.kek_uses import counting
from sealring.store.markers import Markers
from sealring.store.schema.keyring_codec import field_id
from sealring.store.schema.keyspace import Keyspace
from sealring.store.transaction import Commit, transact

_COUNT = re.compile(rb"[1-9][0-9]{0,17}")  # one more digit, and HINCRBY could overflow


class RedisKeyringLog:
    """The KeyringLog of production. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers, audit: RedisAudit) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._audit = audit

    def used(
        self,
        ring: OwnedKeyring,
        events: Sequence[Event],
        encryptions: Mapping[DekId, int],
        expected: Sequence[DekId] = (),
    ) -> Used:
        home, uses = self._keyspace.home(ring.environment, ring.org), self._keyspace.keyring_uses(ring)
        epoch_key = self._keyspace.epoch(home)
        counted: list[Command] = [(b"HINCRBY", uses, key_id.encode(), count) for key_id, count in encryptions.items()]
        entries = [self._audit.entry(event).command for event in events]
        entries += [command for event in events for command in self._audit.noting(event)]
        looking: list[Command] = [(b"HEXISTS", self._keyspace.keyring(ring), each.encode()) for each in expected]
        reading = (*looking, self._markers.reading(home.partition), (b"GET", epoch_key))
        replies = self._links.record(epoch_key, *counted, *entries, *reading)
        *there, marker, epoch = replies[-len(reading) :]
        self._markers.check(home.partition, marker)
        lost = [each for each, found in zip(expected, there, strict=True) if not found]
        if lost:  # what was just counted is of no keyring
            self._links.record(uses, (b"HDEL", uses, *(each.encode() for each in lost)))
        counts = {each: count for each, count in zip(encryptions, replies, strict=False) if each not in lost}
        return Used(Epoch(epoch) if epoch is not None else None, counts, lost)

    def changed(self, ring: OwnedKeyring, change: KeyringChange, *, moves_epoch: bool) -> None:
        home = self._keyspace.home(ring.environment, ring.org)
        epoch_key, marker_key = self._keyspace.epoch(home), self._markers.key(home.partition)
        moving: list[Command] = [(b"SET", epoch_key, new_epoch())] if moves_epoch or change.moves_epoch else []
        counted = counting(self._keyspace, ring.environment, ring.org, change.uses)

        def attempt(link: Link, _lost: Sequence[None]) -> Commit[None]:
            _, marker = link.send((b"WATCH", marker_key), self._markers.reading(home.partition))
            self._markers.check(home.partition, marker)
            entry = self._audit.entry(change.event)
            noting = self._audit.noting(change.event, change.uses)
            return Commit((*moving, *counted, entry.command), None, lambda: self._audit.refused(entry), noting)

        transact(self._links, epoch_key, attempt)

    def counts(self, ring: OwnedKeyring) -> Mapping[DekId, int]:
        partition = self._keyspace.partition(ring.environment, ring.org)
        (flat,) = self._markers.load(partition, (b"HGETALL", self._keyspace.keyring_uses(ring)))
        return parse_counts(flat)

    def forget(self, ring: OwnedKeyring) -> None:
        home, uses = self._keyspace.home(ring.environment, ring.org), self._keyspace.keyring_uses(ring)
        epoch = self._keyspace.epoch(home)
        self._links.record(epoch, (b"SET", epoch, new_epoch()), (b"DEL", uses))


def parse_counts(flat: Reply) -> dict[DekId, int]:
    """Read the counts of a keyring. Raises IntegrityFailure for anything that HINCRBY does not make."""
    fields, counts = flat[::2], flat[1::2]
    if len(fields) != len(counts) or not all(map(_COUNT.fullmatch, counts)):
        raise IntegrityFailure("the counts of a keyring")
    return {field_id(field): int(count) for field, count in zip(fields, counts, strict=True)}
