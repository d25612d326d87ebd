"""Checks of KEKs and of the scopes that point to them. A KEK and its scope's pointer are written in one EXEC."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from sealring.domain.binding import is_of_binding
from sealring.domain.envelope import Header, Wrap
from sealring.domain.ids import EnvironmentId, OrgId, uuid_text
from sealring.domain.kek import KekRecord, KekScope
from sealring.errors import IntegrityFailure
from sealring.recent import Recent
from sealring.store.binding_uses import STATE, parse_fields, parse_last_use
from sealring.store.connection.link import Link, Reply
from sealring.store.kek_uses import parse_counts
from sealring.store.schema.keyspace import Keyspace, Kind
from sealring.store.schema.records import Records

_KNOWN_KEKS = 10_000


class KekSweep:
    """Checks the KEKs of one partition. Its findings name a KEK by its id. Raises LinkLost; Elsewhere."""

    def __init__(self, link: Link, keyspace: Keyspace, records: Records, partition: int) -> None:
        self._link = link
        self._keyspace = keyspace
        self._records = records
        self._partition = partition
        self._known: Recent[bytes, KekRecord] = Recent(size=_KNOWN_KEKS, ttl_s=float("inf"))

    def wrong_with_keks(self, kek_ids: Sequence[bytes]) -> Iterator[str]:
        """Find KEKs that cannot be read, managed ones without a scope, and bound ones without a binding."""
        keks = self._keks(kek_ids)
        for kek_id in kek_ids:
            if kek_id not in keks:
                yield f"KEK {uuid_text(kek_id)}: its record was altered"
        managed = [kek for kek in keks.values() if kek.bound is None]
        for kek, pointer in zip(managed, self._values([self._scope_key(kek) for kek in managed]), strict=True):
            if pointer is None:
                yield f"KEK {uuid_text(kek.kek_id)}: its scope points to no KEK; the next use will create another one"
        bound = [kek for kek in keks.values() if kek.bound is not None]
        for kek, there in zip(bound, self._bindings_there(bound), strict=True):
            if there != 1:
                yield f"KEK {uuid_text(kek.kek_id)}: its binding is missing"

    def readable(self, kek_ids: Sequence[bytes]) -> Collection[KekRecord]:
        """Return those that exist and were not altered."""
        return self._keks(kek_ids).values()

    def wrong_with_scopes(self, scopes: Sequence[bytes]) -> Iterator[str]:
        """Find scopes that do not point to a KEK of theirs."""
        keys = [self._keyspace.key(self._partition, Kind.KEK_SCOPE, scope) for scope in scopes]
        pointers = self._values(keys)
        keks = self._keks([kek_id for kek_id in pointers if kek_id is not None])
        for key, kek_id in zip(keys, pointers, strict=True):
            kek = keks.get(kek_id or b"")
            if kek is None or self._scope_key(kek) != key:
                yield f"partition {self._partition}: a scope points to no KEK, or to another scope's"

    def wrong_with_uses(self, kind: Kind, kek_ids: Sequence[bytes]) -> Iterator[str]:
        """Find counts of KEKs, and last uses of bindings' KEKs, that sealring did not write."""
        keys = [self._keyspace.key(self._partition, kind, kek_id) for kek_id in kek_ids]
        reading = (b"HGETALL",) if kind is Kind.KEK_USES else (b"XRANGE", b"-", b"+", b"COUNT", 2)
        replies = self._link.snapshot(*((reading[0], key, *reading[1:]) for key in keys))
        what = "its last use was" if kind is Kind.LAST_USE else "its counts were"
        for kek_id, reply in zip(kek_ids, replies, strict=True):
            if not self._is_use(kind, kek_id, reply):
                yield f"KEK {uuid_text(kek_id)}: {what} altered"

    def lacking(self, wraps: Sequence[tuple[Header, Wrap]]) -> set[Header]:
        """Return the headers of wraps with a missing KEK, or with a KEK that did not make the wrap."""
        keks = self._keks([wrap.kek_id for _, wrap in wraps])
        return {
            header for header, wrap in wraps if not _is_of(keks.get(wrap.kek_id), header.environment, header.org, wrap)
        }

    def lacking_for(self, environment: EnvironmentId, org: OrgId, wraps: Sequence[Wrap]) -> bool:
        """Return whether a KEK of an organization's wraps is missing, or did not make its wrap."""
        keks = self._keks([wrap.kek_id for wrap in wraps])
        return not all(_is_of(keks.get(wrap.kek_id), environment, org, wrap) for wrap in wraps)

    def _keks(self, kek_ids: Sequence[bytes]) -> dict[bytes, KekRecord]:
        """Return those that exist and can be read."""
        found = {kek_id: kek for kek_id in kek_ids if (kek := self._known.get(kek_id)) is not None}
        missing = [kek_id for kek_id in dict.fromkeys(kek_ids) if kek_id not in found]
        raws = self._values([self._keyspace.key(self._partition, Kind.KEK, kek_id) for kek_id in missing])
        for kek_id, raw in zip(missing, raws, strict=True):
            with suppress(IntegrityFailure):
                found[kek_id] = self._records.decode_kek(kek_id, raw or b"")
                self._known.put(kek_id, found[kek_id])
        return found

    def _values(self, keys: Sequence[bytes]) -> list[bytes | None]:
        replies = self._link.snapshot(*((b"GET", key) for key in keys)) if keys else []
        return [None if isinstance(each, Exception) else each for each in replies]

    def _is_use(self, kind: Kind, kek_id: bytes, reply: Reply) -> bool:
        try:
            if kind is Kind.LAST_USE:
                parse_last_use(reply)
            elif not is_of_binding(kek_id):
                parse_counts(reply)
            elif state := parse_fields(reply).get(STATE):
                self._records.decode_state(kek_id, state)
        except IntegrityFailure:
            return False
        return True

    def _bindings_there(self, keks: Sequence[KekRecord]) -> Sequence[Reply]:
        names = [self._keyspace.key(self._partition, Kind.BINDINGS, _owner(kek)) for kek in keks]
        asked = [(b"HEXISTS", name, kek.kek_id) for name, kek in zip(names, keks, strict=True)]
        return self._link.snapshot(*asked) if asked else ()

    def _scope_key(self, kek: KekRecord) -> bytes:
        return self._keyspace.kek_scope_in(self._partition, kek.scope)


def _owner(kek: KekRecord) -> bytes:
    """Return the owner of a bound KEK, as in the key of its bindings."""
    return ":".join(KekScope.parse_owner(kek.scope)).encode()


def _is_of(kek: KekRecord | None, environment: EnvironmentId, org: OrgId, wrap: Wrap) -> bool:
    """Whether this is the KEK that made the wrap, for that organization."""
    version = None if kek is None else kek.of_version(wrap.kek_version)
    if kek is None or version is None or version.provider != wrap.provider:
        return False
    return kek.scope.startswith(KekScope.owner(environment, org))
