"""The indexes of live objects, sorted by (`updated_at`, id): one for each organization, one for each environment."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.ports import Order, PageQuery, Row
from sealring.domain.record import ObjectRecord
from sealring.store.connection.link import Command, Reply
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace, partition_of
from sealring.store.schema.records import IndexMembers
from sealring.store.schema.scores import parse_score

_Scored = tuple[int, bytes]  # updated_at, member

_LARGEST_CHUNK = 2000  # rows of one round trip, when a search has to look at many
_SPARE = 16  # extra rows to ask each index for, so that one round trip is usually enough


class RedisIndex:
    """Members carry id, name and a MAC, so that a page needs no other read. The score is `updated_at`."""

    def __init__(self, keyspace: Keyspace, markers: Markers, keys: StoreKeys) -> None:
        self._keyspace = keyspace
        self._markers = markers
        self._keys = keys

    def add(self, record: ObjectRecord) -> Sequence[Command]:
        return [(b"ZADD", key, record.updated_at, member) for key, member in self._entries(record)]

    def remove(self, record: ObjectRecord) -> Sequence[Command]:
        return [(b"ZREM", key, member) for key, member in self._entries(record)]

    def score(self, record: ObjectRecord) -> Command:
        """Return the command for the object's `updated_at` in the index of its organization."""
        return (b"ZSCORE", *self._org_entry(record))

    def scores(self, record: ObjectRecord) -> Sequence[Command]:
        """Likewise, for both indexes."""
        return [(b"ZSCORE", *entry) for entry in self._entries(record)]

    def page(self, query: PageQuery) -> Sequence[Row]:
        sources = list(self._sources(query))
        size = _first_chunk(query.limit, len(sources))
        partitions = sorted({partition for partition, _, _ in sources})
        ranges = [_range(key, query, query.start, size) for _, key, _ in sources]
        rows = [
            self._rows(key, members, query, _scored(reply), size)
            for (_, key, members), reply in zip(sources, self._markers.load_each(partitions, ranges), strict=True)
        ]
        merged = heapq.merge(*rows, key=lambda row: row.position, reverse=query.order is Order.DESCENDING)
        wanted = (row for row in merged if query.search in row.name.casefold())
        return list(islice(wanted, query.limit))

    def _entries(self, record: ObjectRecord) -> Sequence[tuple[bytes, bytes]]:
        index = self._keyspace.environment_index(record.environment, record.id.partition)
        return self._org_entry(record), (index, self._members(record.environment, None).encode(_row(record)))

    def _org_entry(self, record: ObjectRecord) -> tuple[bytes, bytes]:
        index = self._keyspace.org_index(record.environment, record.org)
        return index, self._members(record.environment, record.org).encode(_row(record))

    def _sources(self, query: PageQuery) -> Iterator[tuple[int, bytes, IndexMembers]]:
        if query.orgs is None:
            members = self._members(query.environment, None)
            for partition in range(self._keyspace.partitions):
                yield partition, self._keyspace.environment_index(query.environment, partition), members
        else:
            for org in sorted(query.orgs):
                key, partition = self._keyspace.org_index(query.environment, org), self._partition(query, org)
                yield partition, key, self._members(query.environment, org)

    def _rows(
        self, key: bytes, members: IndexMembers, query: PageQuery, chunk: Sequence[_Scored], size: int
    ) -> Iterator[Row]:
        """Yield the rows of one index beyond `query.start`: those of `chunk`, of `size` rows, then growing chunks."""
        beyond = query.start
        while True:
            fresh = [each for each in chunk if beyond is None or _follows(_position(each), beyond, query.order)]
            for updated_at, member in fresh:
                yield members.decode(updated_at, member)
            if len(chunk) < size:
                return
            if fresh:
                beyond = _position(fresh[-1])
                size = min(4 * size, _LARGEST_CHUNK)
            else:  # one microsecond has more rows than the chunk
                size = 4 * size
            (reply,) = self._markers.load(partition_of(key), _range(key, query, beyond, size))
            chunk = _scored(reply)

    def _partition(self, query: PageQuery, org: OrgId) -> int:
        return self._keyspace.partition(query.environment, org)

    def _members(self, environment: EnvironmentId, org: OrgId | None) -> IndexMembers:
        return IndexMembers(self._keys, environment, org)


def _row(record: ObjectRecord) -> Row:
    return Row(record.updated_at, record.id.raw, record.name)


def _first_chunk(limit: int, sources: int) -> int:
    """Return how many rows to ask each index for: if there are many, far fewer than a page has."""
    return min(limit, 2 * limit // max(1, sources) + _SPARE) + 1


def _range(key: bytes, query: PageQuery, beyond: tuple[int, bytes] | None, size: int) -> Command:
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


def _position(scored: _Scored) -> tuple[int, bytes]:
    updated_at, member = scored
    return updated_at, member[:16]


def _follows(position: tuple[int, bytes], other: tuple[int, bytes], order: Order) -> bool:
    return position < other if order is Order.DESCENDING else position > other
