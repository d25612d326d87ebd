"""The indexes of live objects, sorted by (`updated_at`, id): one for each organization, one for each environment."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice

from sealring.domain.ids import OBJECT_ID_BYTES, ObjectId
from sealring.domain.ports import Order, PageQuery, Row
from sealring.domain.record import ObjectRecord
from sealring.errors import IntegrityFailure
from sealring.store.connection.link import Command, Reply
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace, partition_of
from sealring.store.schema.object_codec import HEAD_BYTES, Head
from sealring.store.schema.records import Records
from sealring.store.schema.scores import parse_score

_Scored = tuple[int, bytes]  # updated_at, object id
_Found = tuple[bytes, _Scored]  # the key of an index, and what it lists

_LARGEST_CHUNK = 2000  # rows of one round trip, when a search has to look at many
_SPARE = 16  # extra rows to ask each index for, so that one round trip is usually enough


class RedisIndex:
    """Members are ids, with `updated_at` as their score. What a row says comes from the head of the object's record.

    So the store cannot show an object that it does not hold, or in another state, and an index needs no MAC. A page
    costs a second round trip, for the heads.
    """

    def __init__(self, keyspace: Keyspace, markers: Markers, records: Records) -> None:
        self._keyspace = keyspace
        self._markers = markers
        self._records = records

    def add(self, record: ObjectRecord) -> Sequence[Command]:
        """Return the commands that list an object, or that list it at another time."""
        return [(b"ZADD", key, record.updated_at, record.id.raw) for key in self.keys(record)]

    def remove(self, record: ObjectRecord) -> Sequence[Command]:
        return [(b"ZREM", key, record.id.raw) for key in self.keys(record)]

    def score(self, record: ObjectRecord) -> Command:
        """Return the command for the object's `updated_at` in the index of its organization."""
        return (b"ZSCORE", self._keyspace.org_index(record.environment, record.org), record.id.raw)

    def scores(self, record: ObjectRecord) -> Sequence[Command]:
        """Likewise, for both indexes."""
        return [(b"ZSCORE", key, record.id.raw) for key in self.keys(record)]

    def page(self, query: PageQuery) -> Sequence[Row]:
        sources = list(self._sources(query))
        size = _first_chunk(query.limit, len(sources))
        ranges = [_range(key, query, query.start, size) for key in sources]
        partitions = sorted(set(map(partition_of, sources)))
        listed = [
            self._listed(key, query, _scored(reply), size)
            for key, reply in zip(sources, self._markers.load_each(partitions, ranges), strict=True)
        ]
        merged = heapq.merge(*listed, key=lambda found: found[1], reverse=query.order is Order.DESCENDING)
        rows = self._rows(query, merged)
        return list(islice((row for row in rows if query.search in row.name.casefold()), query.limit))

    def keys(self, record: ObjectRecord) -> tuple[bytes, bytes]:
        """Return the keys of the indexes that list an object while it is live."""
        environment = record.environment
        everywhere = self._keyspace.environment_index(environment, record.id.partition)
        return self._keyspace.org_index(environment, record.org), everywhere

    def _sources(self, query: PageQuery) -> Iterator[bytes]:
        if query.orgs is None:
            for partition in range(self._keyspace.partitions):
                yield self._keyspace.environment_index(query.environment, partition)
        else:
            for org in sorted(query.orgs):
                yield self._keyspace.org_index(query.environment, org)

    def _listed(self, key: bytes, query: PageQuery, chunk: Sequence[_Scored], size: int) -> Iterator[_Found]:
        """Yield what one index lists beyond `query.start`: `chunk`, of `size` members, then growing chunks."""
        beyond = query.start
        while True:
            fresh = [each for each in chunk if beyond is None or _follows(each, beyond, query.order)]
            for each in fresh:
                yield key, each
            if len(chunk) < size:
                return
            if fresh:
                beyond = fresh[-1]
                size = min(4 * size, _LARGEST_CHUNK)
            else:  # one microsecond has more members than the chunk
                size = 4 * size
            (reply,) = self._markers.load(partition_of(key), _range(key, query, beyond, size))
            chunk = _scored(reply)

    def _rows(self, query: PageQuery, found: Iterator[_Found]) -> Iterator[Row]:
        """Yield the row of each. A search that finds few reads ever more heads at once."""
        for batch in _growing(found, query.limit):
            ids = [self._id_of(*each) for each in batch]
            partitions = sorted({each.partition for each in ids})
            heads = self._markers.load_each(partitions, [self._reading(each) for each in ids])
            for object_id, (key, (updated_at, raw_id)), raw in zip(ids, batch, heads, strict=True):
                name = self._name(query, object_id, key, updated_at, raw)
                if name is not None:
                    yield Row(updated_at, raw_id, name)

    def _name(self, query: PageQuery, object_id: ObjectId, key: bytes, updated_at: int, raw: Reply) -> str | None:
        """Return the name of what an index lists; None if it was deleted since.

        Raises IntegrityFailure if what it lists is no object of ours, or in another state than it says.
        """
        head = self._head(query, key, object_id, raw)
        if head is not None and head.live and head.updated_at == updated_at:
            return head.name
        # It was written since, or somebody else wrote to the index: at one moment, both agree.
        reading, score = self._reading(object_id), (b"ZSCORE", key, object_id.raw)
        raw, listed = self._markers.snapshot(object_id.partition, reading, score)
        now = self._head(query, key, object_id, raw)
        if (None if listed is None else parse_score(listed)) != (now.updated_at if now and now.live else None):
            raise IntegrityFailure("an index that lists another state")
        return now.name if now and now.live else None

    def _head(self, query: PageQuery, key: bytes, object_id: ObjectId, raw: bytes) -> Head | None:
        """Return the head of a record; None if there is none. Raises IntegrityFailure if it is of somebody else."""
        if not raw:
            return None
        head = self._records.decode_head(object_id, raw)
        if self._index_of(query, object_id, head) != key:
            raise IntegrityFailure("an index that lists an object of another")
        return head

    def _index_of(self, query: PageQuery, object_id: ObjectId, head: Head) -> bytes:
        if query.orgs is None:
            return self._keyspace.environment_index(head.environment, object_id.partition)
        return self._keyspace.org_index(head.environment, head.org)

    def _reading(self, object_id: ObjectId) -> Command:
        return (b"GETRANGE", self._keyspace.object(object_id), 0, HEAD_BYTES - 1)

    def _id_of(self, key: bytes, scored: _Scored) -> ObjectId:
        object_id = ObjectId(scored[1])
        if len(object_id.raw) != OBJECT_ID_BYTES or object_id.partition != partition_of(key):
            raise IntegrityFailure("an index that lists no object")
        return object_id


def _growing(found: Iterator[_Found], size: int) -> Iterator[Sequence[_Found]]:
    """Yield batches: the first of `size`, each next one four times as large, up to a limit."""
    while batch := list(islice(found, size)):
        yield batch
        size = min(4 * size, _LARGEST_CHUNK)


def _first_chunk(limit: int, sources: int) -> int:
    """Return how many rows to ask each index for: if there are many, far fewer than a page has."""
    return min(limit, 2 * limit // max(1, sources) + _SPARE) + 1


def _range(key: bytes, query: PageQuery, beyond: _Scored | None, size: int) -> Command:
    low, high = query.oldest, query.newest
    if query.order is Order.DESCENDING:
        if beyond is not None:
            high = beyond[0] if high is None else min(high, beyond[0])
        bounds: Command = (b"+inf" if high is None else high, low, b"BYSCORE", b"REV")
    else:
        bounds = (low if beyond is None else max(low, beyond[0]), b"+inf" if high is None else high, b"BYSCORE")
    return (b"ZRANGE", key, *bounds, b"LIMIT", 0, size, b"WITHSCORES")


def _scored(flat: Sequence[Reply]) -> Sequence[_Scored]:
    return [(parse_score(score), member) for member, score in zip(flat[::2], flat[1::2], strict=True)]


def _follows(position: _Scored, other: _Scored, order: Order) -> bool:
    return position < other if order is Order.DESCENDING else position > other
