"""What is in the store when all is over, read from it directly, and what of that contradicts itself."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import redis

from sealring import settings
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.ids import ObjectId, uuid_text
from sealring.domain.layout import Layout
from sealring.domain.record import ObjectRecord
from sealring.keys.store_key import open_store_keys
from sealring.server import wiring
from sealring.store.schema.audit_entry import FIELD, decode_entry
from sealring.store.schema.keyspace import LAYOUT, Keyspace
from sealring.store.schema.records import Records

CHANGES = frozenset({"vault.object.created", "vault.object.updated", "vault.object.deleted", "vault.object.restored"})


class Event(NamedTuple):
    action: str
    request: str
    target: str
    name: bytes  # a digest


@dataclass(frozen=True)
class Stored:
    records: Sequence[ObjectRecord]
    versions: Mapping[str, Sequence[str]]  # of each object, the oldest first
    changes: Sequence[Event]
    contradictions: Sequence[str]


def stored(config: settings.Settings, client: redis.Redis) -> Stored:
    """Read everything. Raises IntegrityFailure for what the server did not write."""
    layout = Layout.decode(client.get(LAYOUT))
    with closing(wiring.make_gateway(config)) as gateway:
        keys = open_store_keys(gateway, layout, wiring.trust_files(config).pin())
    reading = _Reading(client, keys, Keyspace(layout.partitions, keys))
    records = [*reading.records()]
    versions = {str(each.id): reading.versions(each) for each in records}
    return Stored(records, versions, [*reading.changes()], [*reading.contradictions(records)])


class _Reading:
    def __init__(self, client: redis.Redis, keys: StoreKeys, keyspace: Keyspace) -> None:
        self._client = client
        self._keys = keys
        self._keyspace = keyspace
        self._decode = Records(keys, keyspace.home)

    def records(self) -> Iterator[ObjectRecord]:
        for key in self._all(b"o"):
            yield self._decode.decode_object(ObjectId(key[-16:]), self._client.get(key))

    def versions(self, record: ObjectRecord) -> Sequence[str]:
        older = [*reversed(self._summaries(record))]
        return [uuid_text(each.id) for each in older] + [uuid_text(record.current.id)]

    def changes(self) -> Iterator[Event]:
        for partition in range(self._keyspace.partitions):
            for _, fields in self._client.xrange(self._keyspace.audit(partition)):
                told = decode_entry(self._keys, partition, fields[FIELD]).event
                if told.action in CHANGES:
                    yield Event(told.action, told.origin.request_id, told.target, told.name)

    def contradictions(self, records: Sequence[ObjectRecord]) -> Iterator[str]:
        """Live objects, names and the members of both indexes are the same set; tombstones are the rest."""
        live = [record for record in records if record.live]
        organizations = sorted((*self._listed(each), each.org) for each in live)
        names = {self._keyspace.name(each.environment, each.org, each.name): each.id.raw for each in live}
        if len(names) < len(live):
            yield "two live objects have one name"
        if names != {key: self._client.get(key) for key in self._all(b"n")}:
            yield "names are not those of the live objects"
        if organizations != sorted(self._rows(b"x")):
            yield "the organizations' indexes are not the live objects"
        if sorted(map(self._listed, live)) != sorted(self._rows(b"e")):
            yield "the environment's indexes are not the live objects"
        tombs = [tomb for key in self._all(b"t") for tomb in self._client.zrange(key, 0, -1, withscores=True)]
        if sorted(tombs) != sorted((each.id.raw, each.purge_at) for each in records if not each.live):
            yield "tombstones are not those of the deleted objects"
        if self._counted() != self._used(records):
            yield "what organizations use is not what they are counted for"
        for record in records:
            yield from self._gaps(record)

    def _gaps(self, record: ObjectRecord) -> Iterator[str]:
        """Versions are 1, 2, 3 ... without gap or duplicate, and each can be decoded."""
        summaries = self._summaries(record)
        if [each.number for each in summaries] != [*range(record.current.number - 1, 0, -1)]:
            yield f"{record.id}: a gap in the summaries"
        sealed = self._client.hgetall(self._keyspace.versions(record.id))
        decoded = {self._decode.decode_version(record, *each).number: each[0] for each in sealed.items()}
        if decoded != {each.number: each.id for each in summaries}:
            yield f"{record.id}: versions and summaries are not the same"
        if len({*decoded.values(), record.current.id}) < record.current.number:
            yield f"{record.id}: a version twice"

    def _counted(self) -> Mapping[bytes, int]:
        """What `o:` and `b:` fields say, of each organization."""
        every = Counter[bytes]()
        for key in self._all(b"m"):
            counts = {field: int(count) for field, count in self._client.hgetall(key).items()}
            every.update({field: count for field, count in counts.items() if field[:2] in {b"o:", b"b:"}})
        return every

    def _used(self, records: Sequence[ObjectRecord]) -> Mapping[bytes, int]:
        every = Counter[bytes]()
        for record in records:
            owner = f":{record.environment}:{record.org}".encode()
            sizes = [record.current.size, *(each.size for each in self._summaries(record))]
            every.update({b"o" + owner: 1, b"b" + owner: sum(sizes)})
        return every

    def _summaries(self, record: ObjectRecord):
        raw = self._client.lrange(self._keyspace.summaries(record.id), 0, -1)
        return [self._decode.decode_summary(record.id, each) for each in raw]

    def _listed(self, record: ObjectRecord) -> tuple[int, bytes, str]:
        return record.updated_at, record.id.raw, record.environment

    def _rows(self, kind: bytes) -> Iterator[tuple[int | bytes | str, ...]]:
        """Time, id and environment of each member, and in the index of an organization the organization."""
        for key in self._all(kind):
            owner = key.decode().split(":")[3:]
            for member, score in self._client.zrange(key, 0, -1, withscores=True):
                yield int(score), member, *owner

    def _all(self, kind: bytes) -> Sequence[bytes]:
        return sorted(key for key in self._client.scan_iter(b"s1:*", 1000) if key.split(b":", 3)[2:3] == [kind])


def repeated(changes: Sequence[Event]) -> Mapping[str, int]:
    """The requests that changed something more than once."""
    return {request: times for request, times in Counter(each.request for each in changes).items() if times > 1}
