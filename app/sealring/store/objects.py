"""Objects in Redis or Valkey."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sealring.domain.decision import Epoch
from sealring.domain.events import Event
from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import NO_ORG, EnvironmentId, Home, ObjectId, OrgId
from sealring.domain.ports import Attestation, Change, History, Moment, PageQuery, Place, Row
from sealring.domain.record import ObjectRecord, Version
from sealring.errors import IntegrityFailure, NameTaken, NotFound, OutcomeUnknown
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.connection.links import Links
from sealring.store.connection.timing import microseconds
from sealring.store.history import RedisHistory
from sealring.store.idempotency import IdempotentAttempt, RedisIdempotency
from sealring.store.index import RedisIndex
from sealring.store.kek_uses import counting
from sealring.store.markers import Markers
from sealring.store.object_commands import ObjectCommands
from sealring.store.schema.keyspace import Keyspace, partition_of
from sealring.store.schema.records import Records
from sealring.store.schema.scores import parse_score
from sealring.store.schema.short_forms import encode_org, take_org
from sealring.store.transaction import ANSWER_LOST, Commit, Settled, transact
from sealring.store.usage import growing, growth_of


class RedisObjects:
    """The ObjectStore of production. Thread-safe. Two round trips for a read, two for a write."""

    def __init__(  # noqa: PLR0913, PLR0917  its parts, each made once by wiring
        self,
        links: Links,
        keyspace: Keyspace,
        markers: Markers,
        records: Records,
        index: RedisIndex,
        audit: RedisAudit,
        idempotency: RedisIdempotency,
    ) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._records = records
        self._history = RedisHistory(keyspace, records)
        self._commands = ObjectCommands(keyspace, records, index)
        self._index = index
        self._audit = audit
        self._intents = idempotency

    def home(self, environment: EnvironmentId, org: OrgId) -> Home:
        return self._keyspace.home(environment, org)

    def now(self) -> int:
        return microseconds(self._links.call((b"TIME",))[0])

    def create(
        self, place: Place, make: Callable[[Epoch | None], Change], idempotent: IdempotentRequest | None
    ) -> ObjectRecord:
        name_key = self._keyspace.name(place.environment, place.org, place.name)
        object_key = self._keyspace.object(place.id)
        epoch_key, marker_key = self._keyspace.epoch(place.id.home), self._markers.key(place.id.partition)
        usage_key = self._keyspace.usage(place.id.home)
        directory_key = self._keyspace.directory(place.environment, place.name)
        # Written before the object, once nothing forbids the write: after a crash, the entry is harmless.
        directory = (b"HSET", directory_key, encode_org(place.org), b"")
        following = self._intents.attempt(idempotent, place.org, place.id.partition)

        def attempt(link: Link, lost: Sequence[ObjectRecord]) -> Commit[ObjectRecord] | Settled[ObjectRecord]:
            before = following.opening
            # The id is random: only an earlier EXEC of ours can have written it.
            ours = ((b"GET", object_key),) if lost else ()
            replies = link.send(
                *before,
                (b"WATCH", marker_key, name_key, object_key, epoch_key, *following.watched),
                (b"GET", marker_key),
                (b"GET", name_key),
                (b"GET", epoch_key),
                (b"HGETALL", usage_key),
                (b"TIME",),
                *following.reading,
                *ours,
            )
            marker, holder, epoch, usage, now, *known = replies[len(before) + 1 :]
            self._markers.check(place.id.partition, marker)
            if lost and (landed := known.pop()) is not None:
                created_at = self._records.decode_object(place.id, landed).created_at
                return Settled(lost[-1].stamped(created_at))  # as we wrote it: other writes may have followed
            if (recalled := self._recalled(link, following, known, now)) is not None:
                return Settled(recalled)
            if holder is not None:
                raise NameTaken
            new = make(epoch)
            record = new.record.stamped(microseconds(now))
            counted = growing(self._keyspace, usage, record, growth_of(None, record), new.limits)
            writes = (*self._commands.create(record, name_key), *counted)
            if not together:
                self._links.record(directory_key, directory)
            listed = (directory,) if together else ()
            return self._commit((*writes, *following.closing(record)), record, new, listed)

        together = self._links.together(directory_key, object_key)
        return transact(self._links, object_key, attempt)

    def get(self, object_id: ObjectId) -> ObjectRecord | None:
        if not self._keyspace.holds(object_id.home):
            return None
        (raw,) = self._markers.load(object_id.partition, (b"GET", self._keyspace.object(object_id)))
        return self._decode(object_id, raw)

    def find(self, environment: EnvironmentId, org: OrgId, name: str) -> ObjectRecord | None:
        partition = self._keyspace.partition(environment, org)
        (raw_id,) = self._markers.load(partition, (b"GET", self._keyspace.name(environment, org, name)))
        return None if raw_id is None else self._named(raw_id, environment, org, name)

    def find_everywhere(self, environment: EnvironmentId, name: str) -> Sequence[ObjectRecord]:
        directory = self._keyspace.directory(environment, name)
        (entries,) = self._markers.load(partition_of(directory), (b"HKEYS", directory))
        orgs = [org for entry in entries if (org := _organization(entry)) is not None]
        found = (self.find(environment, org, name) for org in sorted(orgs))
        return [record for record in found if record is not None]

    def amend(
        self,
        object_id: ObjectId,
        decide: Callable[[ObjectRecord, Moment], Change],
        idempotent: IdempotentRequest | None,
    ) -> ObjectRecord:
        if not self._keyspace.holds(object_id.home):
            raise NotFound
        object_key = self._keyspace.object(object_id)
        epoch_key, marker_key = self._keyspace.epoch(object_id.home), self._markers.key(object_id.partition)
        usage_key = self._keyspace.usage(object_id.home)
        following = self._intents.attempt(idempotent, NO_ORG, object_id.partition)
        ours: set[bytes] = set()  # operations of our commits: one of them may have been applied without a reply

        def attempt(link: Link, lost: Sequence[ObjectRecord]) -> Commit[ObjectRecord] | Settled[ObjectRecord]:
            replies = link.send(
                *following.opening,
                (b"WATCH", marker_key, object_key, epoch_key, *following.watched),
                (b"GET", marker_key),
                (b"GET", object_key),
                (b"GET", epoch_key),
                (b"HGETALL", usage_key),
                *self._history.ends(object_id),
                (b"ZSCORE", self._keyspace.tombstones(object_id.partition), object_id.raw),
                (b"TIME",),
                *following.reading,
            )
            marker, raw, epoch, usage, newest, oldest, deleted_until, now, *known = replies[
                len(following.opening) + 1 :
            ]
            self._markers.check(object_id.partition, marker)
            current = self._decode(object_id, raw)
            if current is None:
                raise NotFound
            if (recalled := self._recalled(link, following, known, now)) is not None:
                return Settled(recalled)
            if current.operation in ours:
                return Settled(current)
            if lost and self._was_followed(link, lost[-1], current):
                return Settled(lost[-1])
            change = decide(current, Moment(microseconds(now), epoch))
            self._history.check_newest(current, newest)
            _check_tombstone(current, deleted_until)
            record = change.record.following(current)
            ours.add(record.operation)
            self._check_name_free(link, current, record)
            leaving = self._history.leaving(link, current, record, oldest)
            counted = growing(self._keyspace, usage, record, growth_of(current, record, leaving), change.limits)
            writes = (*self._history.writes(current, record, leaving), *self._commands.replace(current, record))
            return self._commit((*writes, *counted, *following.closing(record)), record, change)

        return transact(self._links, object_key, attempt)

    def history(self, object_id: ObjectId, admit: Callable[[ObjectRecord | None], ObjectRecord]) -> History:
        if not self._keyspace.holds(object_id.home):
            return admit(None), ()
        object_key = self._keyspace.object(object_id)
        raw, members = self._markers.snapshot(object_id.partition, (b"GET", object_key), self._history.all(object_id))
        record = admit(self._decode(object_id, raw))
        return record, [self._records.summarize(record.current), *self._history.summaries(record, members)]

    def version(self, record: ObjectRecord, version_id: bytes) -> Version | None:
        if version_id == record.current.id:
            return record.current
        (raw,) = self._markers.load(record.id.partition, self._history.one(record.id, version_id))
        if raw is None:
            one, every = self._history.one(record.id, version_id), self._history.all(record.id)
            raw, members = self._markers.snapshot(record.id.partition, one, every)
            self._history.check_missing(record.id, version_id, raw, members)
        version = self._history.decoded(record, version_id, raw)
        return None if version is None or version.number < record.oldest else version

    def attest(self, record: ObjectRecord, event: Event) -> Attestation:
        epoch_key = self._keyspace.epoch(record.id.home)
        entry, noting = self._audit.entry(event).command, self._audit.noting(event)
        *_, score, epoch = self._audit.record(epoch_key, entry, *noting, self._index.score(record), (b"GET", epoch_key))
        newest = score is not None and parse_score(score) == record.updated_at
        return Attestation(newest, epoch)

    def page(self, query: PageQuery, event: Event) -> Sequence[Row]:
        self._audit.append(event)
        return self._index.page(query)

    def _commit(
        self, writes: Sequence[Command], record: ObjectRecord, change: Change, before: Sequence[Command] = ()
    ) -> Commit[ObjectRecord]:
        """Return the commit of `writes` with the event and the KEK uses of `change`."""
        counted = counting(self._keyspace, record.environment, record.org, change.uses)
        entry = self._audit.entry(change.event)
        before = (*before, *self._audit.noting(change.event))  # sealed, whatever becomes of the write
        return Commit((*writes, *counted, entry.command), record, lambda: self._audit.refused(entry), before)

    def _recalled(
        self, link: Link, following: IdempotentAttempt, known: Sequence[Reply], now: Reply
    ) -> ObjectRecord | None:
        """Return the object as an earlier attempt of this request left it; None if there was none.

        A request without a name counts as a retry only if the object was not written since.
        """
        repeated = following.repeated(known, microseconds(now))
        if repeated is None:
            return None
        outcome = repeated.outcome
        object_id = ObjectId(outcome.object_id)
        raw, older = link.send(
            (b"GET", self._keyspace.object(object_id)), self._history.one(object_id, outcome.version_id)
        )
        record = self._decode(object_id, raw)
        if not repeated.certain and (record is None or record.operation != outcome.operation):
            return None
        if naming := following.naming(repeated):
            link.send(*naming)
        if record is None:
            raise NotFound
        version = record.current
        if outcome.version_id != version.id:
            kept = self._history.decoded(record, outcome.version_id, older)
            version = kept or record.dropped(outcome.version_id, outcome.started_at)
        return record.as_of(version, outcome.started_at, recalled=True)

    def _check_name_free(self, link: Link, current: ObjectRecord, record: ObjectRecord) -> None:
        if current.live or not record.live:
            return
        name_key = self._commands.name_key(record)
        _, holder = link.send((b"WATCH", name_key), (b"GET", name_key))
        if holder not in {None, current.id.raw}:  # its own: somebody restores it now, and our commit will be refused
            raise NameTaken

    def _was_followed(self, link: Link, ours: ObjectRecord, current: ObjectRecord) -> bool:
        """Whether our write, whose reply was lost, was applied, and then replaced by another write.

        Raises OutcomeUnknown for a delete or restore, which cannot be repeated, and for a version that may have been
        dropped since: then nothing shows whether it was applied.
        """
        if current.revision <= ours.revision:  # another write has its revision
            return False
        if ours.updated_at != ours.current.created_at:
            raise OutcomeUnknown(ANSWER_LOST)
        if ours.current.id == current.current.id:
            return True
        if ours.current.number < current.oldest:
            raise OutcomeUnknown(ANSWER_LOST)
        (exists,) = link.send((b"HEXISTS", self._keyspace.versions(current.id), ours.current.id))
        return bool(exists)

    def _named(self, raw_id: bytes, environment: EnvironmentId, org: OrgId, name: str) -> ObjectRecord | None:
        if len(raw_id) != 16:
            raise IntegrityFailure("name pointer")
        record = self.get(ObjectId(raw_id))
        if record is None or not record.live:
            return None
        if (record.environment, record.org, record.name) != (environment, org, name):
            raise IntegrityFailure("name pointer")
        return record

    def _decode(self, object_id: ObjectId, raw: Reply) -> ObjectRecord | None:
        return None if raw is None else self._records.decode_object(object_id, raw)


def _check_tombstone(current: ObjectRecord, deleted_until: bytes | None) -> None:
    """Raises IntegrityFailure if the record was set back to before a delete or restore."""
    if current.purge_at != (0 if deleted_until is None else parse_score(deleted_until)):
        raise IntegrityFailure("rolled back")


def _organization(entry: bytes) -> OrgId | None:
    """Return the organization of an entry of the directory; None for what sealring did not write."""
    try:
        org, end = take_org(entry, 0)
    except (ValueError, IndexError):
        return None
    return org if end == len(entry) else None
