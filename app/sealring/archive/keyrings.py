"""Keyrings in a bucket. Their events and counts stay in the store.

There is no transaction over two objects. A DEK is stored before the pointer to it, both only if nobody was quicker, and
a keyring loses its pointer before its DEKs: whenever something stops in between, one DEK is the newest, or none is.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby

from sealring.archive.bucket import ABSENT, Bucket, Condition, Version, Written
from sealring.archive.layout import ALL, Place, id_in, is_listed, is_path, key_of, latest_of, place_of, prefix_of
from sealring.archive.probe import Proof
from sealring.domain.events import Event
from sealring.domain.ids import NO_ORG, EnvironmentId
from sealring.domain.keyring_ports import FOREVER, KeyringChange, KeyringLog, KeyringPage, KeyringSummary, StoredDek
from sealring.domain.keyrings import LATEST, DekId, Keyring, OwnedKeyring
from sealring.domain.limits import Limits, Use
from sealring.errors import (
    IntegrityFailure,
    InvalidBody,
    SettingsInvalid,
    StoreError,
    StoreUnavailable,
    WriteContention,
)

_ROUNDS = 5  # to delete what others add meanwhile


class BucketKeyrings:
    """The KeyringStore of one environment, in a bucket. Thread-safe."""

    beside_log = False

    def __init__(self, bucket: Bucket, proof: Proof, log: KeyringLog, environment: EnvironmentId) -> None:
        self._bucket = bucket
        self._proof = proof
        self._log = log
        self._environment = environment

    def load(self, ring: OwnedKeyring, dek_id: DekId, until: float = FOREVER) -> StoredDek | None:
        found = self._bucket.get(key_of(self._mine(ring), dek_id), ring.org, until)
        return None if found is None else StoredDek(dek_id, found.body, found.etag.encode())

    def latest(self, ring: OwnedKeyring, until: float = FOREVER) -> StoredDek | None:
        newest = self._pointer(ring, until)
        if newest is None:
            return None
        found = self.load(ring, newest.id, until)
        if found is not None:
            if found.record != newest.record and id_in(found.record) != newest.id:
                raise IntegrityFailure("another DEK in the place of the newest one of a keyring in the bucket")
            return newest
        if self._pointer(ring, until) is None:  # it was destroyed meanwhile
            return None
        raise IntegrityFailure("a keyring in the bucket without its newest DEK")

    def add(
        self,
        ring: OwnedKeyring,
        dek: StoredDek,
        expected: StoredDek | None,
        change: KeyringChange,
        until: float = FOREVER,
    ) -> bool:
        self._is_literal()  # no key is made in a bucket that was not proved
        if not is_listed(ring.ring):
            raise InvalidBody("The storage of keyrings takes no name with U+FFFD, U+FFFE or U+FFFF. Send another one.")
        if change.epoch not in {None, self._log.used(ring, (), {}).epoch}:
            return False
        self._admit(ring, change.limits, until)
        key = key_of(self._mine(ring), dek.id)
        stored = self._bucket.put(key, dek.record, ABSENT, ring.org, until)
        if stored.written is not Written.STORED:
            return False
        condition = ABSENT if expected is None else Condition(expected.version.decode())
        pointed = self._bucket.put(latest_of(ring), dek.record, condition, ring.org, until).written
        if pointed is Written.REFUSED:  # and was never the newest, so that nothing is encrypted under it
            self._drop(Version(key, stored.version), ring)
        if pointed is not Written.STORED:
            return False
        self._log.changed(ring, change, moves_epoch=expected is not None)
        return True

    def replace(self, ring: OwnedKeyring, old: StoredDek, record: bytes, change: KeyringChange) -> bool:
        if change.epoch not in {None, self._log.used(ring, (), {}).epoch}:
            return False
        keys = key_of(self._mine(ring), old.id), latest_of(ring)
        replaced = [
            self._bucket.put(key, record, Condition(found.etag), ring.org).written is Written.STORED
            for key in keys
            if (found := self._bucket.get(key, ring.org)) is not None and found.body == old.record
        ]
        if not any(replaced):
            return False
        self._log.changed(ring, change, moves_epoch=False)
        return True

    def deks(self, ring: OwnedKeyring) -> Sequence[StoredDek]:
        places = [place_of(key) for key in self._bucket.keys_of(prefix_of(self._mine(ring)))]
        loaded = [self.load(ring, place.dek) for place in places if place is not None and place.dek is not None]
        return [dek for dek in loaded if dek is not None]

    def page(self, environment: EnvironmentId, after: bytes | None = None) -> KeyringPage:
        if environment != self._environment:
            return KeyringPage((), None)
        keys, more = self._bucket.keys(ALL, "" if after is None else after.decode())
        placed = [(key, place_of(key)) for key in keys]
        runs = [list(run) for _, run in groupby(placed, key=lambda each: each[1] and each[1].ring)]
        if more and len(runs) > 1:
            runs.pop()  # its keyring may go on
        summaries = self._summaries(runs)
        whole = [each for each in summaries if is_listed(each.ring.ring)]
        nameless = [each.ring.ring.name for each in summaries if not is_listed(each.ring.ring)]
        return KeyringPage(whole, runs[-1][-1][0].encode() if more else None, nameless)

    def destroy(self, ring: OwnedKeyring, event: Event) -> int:
        deks: set[str] = set()
        for _ in range(_ROUNDS):
            pointers, others = self._versions(ring)
            self._delete_all(pointers, ring)
            if others:  # from here on, nobody encrypts under one of them
                if not deks:
                    self._log.changed(ring, KeyringChange(event), moves_epoch=True)
                self._delete_all(others, ring)
            deks |= {each.key for each in others}
            if not pointers and not others:
                self._log.forget(ring)  # even if it was destroyed before: an earlier try may have ended before this
                return len(deks)
        raise WriteContention("The keyring gets new keys all the time. Run it again.")

    def _versions(self, ring: OwnedKeyring) -> tuple[Sequence[Version], Sequence[Version]]:
        """Return the versions of the pointer, and those of the DEKs."""
        found = [each for each in self._bucket.versions_of(prefix_of(self._mine(ring))) if place_of(each.key)]
        newest = latest_of(ring)
        return [each for each in found if each.key == newest], [each for each in found if each.key != newest]

    def _mine(self, ring: OwnedKeyring) -> OwnedKeyring:
        if ring.environment != self._environment:
            raise IntegrityFailure("a keyring of another environment than the bucket's")
        if not is_path(ring) and not self._is_literal():
            raise InvalidBody("The storage of keyrings takes no name with an empty part, '.' or '..' between slashes.")
        return ring

    def _is_literal(self) -> bool:
        try:
            return self._proof.is_literal()
        except SettingsInvalid as error:
            raise StoreUnavailable("The storage of keyrings cannot be used. Tell the operator.") from error

    def _pointer(self, ring: OwnedKeyring, until: float) -> StoredDek | None:
        found = self._bucket.get(latest_of(self._mine(ring)), ring.org, until)
        return None if found is None else StoredDek(id_in(found.body), found.body, found.etag.encode())

    def _admit(self, ring: OwnedKeyring, limits: Limits, until: float) -> None:
        """Count the DEKs of the organization, if it has a quota of objects. Raises QuotaExceeded."""
        if not limits.objects or ring.org == NO_ORG:
            return
        prefix, after, more, deks = f"{ALL}{ring.org}/", "", True, 0
        while more and deks < limits.objects:
            keys, more = self._bucket.keys(prefix, after, ring.org, until)
            deks += sum(not key.endswith(f"/{LATEST}") for key in keys)
            after = keys[-1] if keys else after
        Limits(objects=limits.objects).admit(Use(objects=deks), Use(objects=1))

    def _summaries(self, runs: Sequence[Sequence[tuple[str, Place | None]]]) -> Sequence[KeyringSummary]:
        deks: dict[Keyring, list[DekId]] = {}
        for place in (place for run in runs for _, place in run if place is not None):
            known = deks.setdefault(place.ring, [])
            if place.dek is not None:
                known.append(place.dek)
        return [KeyringSummary(OwnedKeyring(self._environment, ring), found) for ring, found in deks.items()]

    def _drop(self, version: Version, ring: OwnedKeyring) -> None:
        """Delete a DEK that lost a race, if that is possible now: it does no harm."""
        with suppress(StoreError):
            self._bucket.delete(version, ring.org)

    def _delete_all(self, versions: Sequence[Version], ring: OwnedKeyring) -> None:
        for each in versions:
            self._bucket.delete(each, ring.org)
