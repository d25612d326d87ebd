"""Links to the portal and its sessions in Redis or Valkey: a string for each, which expires.

The store learns neither the token of a link nor that of a session, only a keyed digest of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.portal import MAX_SESSION_S, Link, PortalSession, PortalToken, partition_of
from sealring.domain.portal_ports import LinkMade, SessionBegun
from sealring.store.audit import RedisAudit
from sealring.store.batches import in_batches
from sealring.store.connection.link import Command, Reply
from sealring.store.connection.link import Link as Wire
from sealring.store.connection.links import Links
from sealring.store.connection.timing import microseconds
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace, Kind
from sealring.store.schema.portal_codec import PortalCodec
from sealring.store.transaction import Commit, Settled, transact

_AT_ONCE = 256  # keys of one read
_SWEPT = 64  # ended sessions that leave the index with a new one

T = TypeVar("T")

Found = PortalSession | None

_TIME: Command = (b"TIME",)


class RedisPortal:
    """The PortalStore of production. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers, keys: StoreKeys, audit: RedisAudit) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._codec = PortalCodec(keys)
        self._audit = audit

    def new_token(self, environment: EnvironmentId, org: OrgId) -> PortalToken:
        return PortalToken.new(self._keyspace.partition(environment, org))

    def add(self, token: PortalToken, make: Callable[[bytes, int], LinkMade]) -> Link:
        link_id, key, partition = self._place(Kind.PORTAL_LINK, token)

        def attempt(wire: Wire, lost: Sequence[Link]) -> Commit[Link] | Settled[Link]:
            raw, now = self._watch(wire, key, partition, (b"GET", key), _TIME)
            if lost and raw is not None:
                return Settled(lost[-1])
            made = make(link_id, microseconds(now))
            storing = _until(key, self._codec.encode_link(made.link), made.link.made_at, made.link.ends_at)
            return self._commit([storing], made.event, made.link)

        return transact(self._links, key, attempt)

    def link(self, token: PortalToken) -> Link | None:
        link_id, key, partition = self._place(Kind.PORTAL_LINK, token)
        raw, now = self._markers.load(partition, (b"GET", key), _TIME)
        return self._link(link_id, raw, microseconds(now))

    def begin(self, token: PortalToken, secret: PortalToken, make: Callable[[Link, bytes, int], SessionBegun]) -> Found:
        link_id, link_key, partition = self._place(Kind.PORTAL_LINK, token)
        session_id, key, _ = self._place(Kind.PORTAL_SESSION, secret)
        index = self._keyspace.portal_sessions(partition)

        def attempt(wire: Wire, lost: Sequence[Found]) -> Commit[Found] | Settled[Found]:
            reading = (b"GET", link_key), (b"GET", key), (b"ZRANGE", index, 0, _SWEPT - 1, b"WITHSCORES"), _TIME
            raw, ours, oldest, time = self._watch(wire, link_key, partition, *reading)
            now = microseconds(time)
            if lost and ours is not None:  # an earlier EXEC of ours, whose reply was lost
                return Settled(self._session(session_id, ours, now))
            link = self._link(link_id, raw, now)
            if link is None:
                return Settled(None)
            begun = make(link, session_id, now)
            return self._commit([(b"DEL", link_key), *self._storing(begun.session, oldest)], begun.event, begun.session)

        return transact(self._links, link_key, attempt)

    def session(self, secret: PortalToken) -> PortalSession | None:
        session_id, key, partition = self._place(Kind.PORTAL_SESSION, secret)
        marker, raw, now = self._links.confirmed(  # so that no isolated node knows one that was ended
            key, self._markers.reading(partition), (b"GET", key), _TIME
        )
        self._markers.check(partition, marker)
        return self._session(session_id, raw, microseconds(now))

    def end(self, session_id: bytes, ended: Callable[[PortalSession], Event]) -> PortalSession | None:
        partition = partition_of(session_id)
        if partition >= self._keyspace.partitions:
            return None
        key, index = self._keyspace.portal(Kind.PORTAL_SESSION, session_id), self._keyspace.portal_sessions(partition)

        def attempt(wire: Wire, lost: Sequence[Found]) -> Commit[Found] | Settled[Found]:
            raw, now = self._watch(wire, key, partition, (b"GET", key), _TIME)
            session = self._session(session_id, raw, microseconds(now))
            if session is None:
                return Settled(lost[-1] if lost else None)
            return self._commit([(b"DEL", key), (b"ZREM", index, session_id)], ended(session), session)

        return transact(self._links, key, attempt)

    def sessions(self) -> Sequence[PortalSession]:
        partitions = range(self._keyspace.partitions)
        listing = [(b"ZRANGE", self._keyspace.portal_sessions(each), 0, -1) for each in partitions]
        *listed, now = self._markers.load_each(partitions, [*listing, _TIME])
        found: list[PortalSession] = []
        for partition, ids in zip(partitions, listed, strict=True):
            found += self._all_of(partition, ids, microseconds(now))
        return found

    def _all_of(self, partition: int, ids: Sequence[bytes], now: int) -> Iterator[PortalSession]:
        for some in in_batches(ids, _AT_ONCE):
            keys = [self._keyspace.key(partition, Kind.PORTAL_SESSION, each) for each in some]
            raws = self._markers.load(partition, *((b"GET", key) for key in keys))
            for session_id, raw in zip(some, raws, strict=True):
                if (session := self._session(session_id, raw, now)) is not None:
                    yield session

    def _storing(self, session: PortalSession, oldest: Sequence[bytes]) -> Sequence[Command]:
        """Return the commands that store a new session; those of the oldest that have ended leave the index."""
        index = self._keyspace.portal_sessions(session.partition)
        ended = [each for each, score in zip(oldest[::2], oldest[1::2], strict=True) if int(score) <= session.began_at]
        record = self._codec.encode_session(session)
        return [
            _until(self._keyspace.portal(Kind.PORTAL_SESSION, session.id), record, session.began_at, session.ends_at),
            *([(b"ZREM", index, *ended)] if ended else ()),
            (b"ZADD", index, session.ends_at, session.id),
            (b"EXPIRE", index, MAX_SESSION_S),
        ]

    def _place(self, kind: Kind, token: PortalToken) -> tuple[bytes, bytes, int]:
        """Return the id of a link or a session, its key, and its partition."""
        raw_id = self._keyspace.portal_id(token)
        return raw_id, self._keyspace.portal(kind, raw_id), partition_of(raw_id)

    def _watch(self, wire: Wire, key: bytes, partition: int, *reading: Command) -> list[Reply]:
        """Watch a key, and read. Raises StoreLost."""
        watching, marking = (b"WATCH", key, self._markers.key(partition)), self._markers.reading(partition)
        _, marker, *replies = wire.send(watching, marking, *reading)
        self._markers.check(partition, marker)
        return replies

    def _commit(self, writes: Sequence[Command], event: Event, result: T) -> Commit[T]:
        entry = self._audit.entry(event)
        return Commit((*writes, entry.command), result, lambda: self._audit.refused(entry))

    def _link(self, link_id: bytes, raw: Reply, now: int) -> Link | None:
        link = None if raw is None else self._codec.decode_link(link_id, raw)
        return None if link is None or link.ends_at <= now else link

    def _session(self, session_id: bytes, raw: Reply, now: int) -> Found:
        session = None if raw is None else self._codec.decode_session(session_id, raw)
        return None if session is None or session.ends_at <= now else session


def _until(key: bytes, value: bytes, now: int, ends_at: int) -> Command:
    """Return the command that stores a record with its time to live; what counts is the end that the record names."""
    return b"SET", key, value, b"PX", (ends_at - now) // 1_000
