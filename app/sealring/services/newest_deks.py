"""Finding, making and replacing the DEKs of keyrings."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sealring.crypto.data_key import DataKey
from sealring.crypto.keyring_cipher import KeyringCipher
from sealring.domain.decision import Decision
from sealring.domain.events import Action
from sealring.domain.keyring_ports import KeyringChange, KeyringLog, KeyringStore, StoredDek
from sealring.domain.keyrings import MAX_DEKS, MAX_ENCRYPTIONS, DekId, DekName, OwnedKeyring, new_dek_id
from sealring.domain.limits import LimitsOf
from sealring.domain.principal import Caller
from sealring.errors import EnvelopeRejected
from sealring.keys.keyring_deks import KeyringDeks
from sealring.keys.recent_deks import KnownDek, Place, RecentDeks, newest_of, place_of
from sealring.keys.refreshing import Refreshing
from sealring.keys.single_flight import SingleFlight
from sealring.services.keyring_events import event_of
from sealring.services.keyring_rules import KeyringRules

FIRST, BY_COUNT, BY_AGE, BY_KEYS, ON_DEMAND = "first", "count", "age", "keys", "demand"  # why a DEK was made


@dataclass(frozen=True, slots=True)
class _Asking:
    """Who wants a DEK of which keyring, under which decision."""

    ring: OwnedKeyring
    decision: Decision
    caller: Caller


class Deks:
    """The DEKs of keyrings, cached as long as the epoch of a decision stays. Thread-safe.

    Methods raise StoreError, KeyFailure, and IntegrityFailure for a record that is not of this DEK.
    """

    def __init__(  # noqa: PLR0913, PLR0917  its parts, each made once by wiring
        self,
        store: KeyringStore,
        log: KeyringLog,
        keys: KeyringDeks,
        rules: KeyringRules,
        limits_of: LimitsOf,
        refreshing: Refreshing,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives seconds since 1970, for the ages of DEKs; `monotonic` those for the cache."""
        self._store = store
        self._log = log
        self._keys = keys
        self._rules = rules
        self._limits_of = limits_of
        self._refreshing = refreshing
        self._clock = clock
        self._recent = RecentDeks(size=rules.cached, fresh_s=rules.fresh_s, stale_s=rules.stale_s, clock=monotonic)
        self._loads: SingleFlight[tuple[Place, bytes], KnownDek] = SingleFlight()
        self._newest: SingleFlight[tuple[Place, bytes], KnownDek | None] = SingleFlight()

    def expected(self, dek: KnownDek) -> Sequence[DekId]:
        """Return what the log has to find when it counts a use of a DEK."""
        return (dek.id,) if self._store.beside_log else ()

    def forget(self) -> None:
        """Drop every cached DEK: the store was restored."""
        self._recent.clear()

    def drop_newest(self, ring: OwnedKeyring) -> None:
        """Read the newest DEK of a keyring again at its next use."""
        self._recent.drop(newest_of(ring))

    def by_id(self, ring: OwnedKeyring, key_id: DekId, decision: Decision, caller: Caller) -> KnownDek:
        """Raises EnvelopeRejected if the keyring has no such DEK."""
        place, asking = place_of(ring, key_id), _Asking(ring, decision, caller)
        dek = self._cached(place, asking)
        if dek is not None:
            return dek
        with self._keys.place(decision):
            return self._loads.get((place, decision.epoch), lambda: self._loaded(key_id, asking), caller.deadline)

    def newest(self, ring: OwnedKeyring, decision: Decision, caller: Caller, encryptions: int) -> KnownDek | None:
        """Return the newest DEK, for so many new values. None: decide again, and ask again.

        Raises QuotaExceeded if a DEK would have to be made; KeyDisabled if a key of the route is suspended.
        """
        self._keys.refuse_shut(ring, decision)
        place, asking = newest_of(ring), _Asking(ring, decision, caller)
        dek = self._cached(place, asking)
        if dek is not None and self._overdue(dek, encryptions) is None:
            return dek
        flight = (place, decision.epoch)
        with self._keys.place(decision):
            return self._newest.get(flight, lambda: self._found_or_made(asking, encryptions), caller.deadline)

    def rotated(self, ring: OwnedKeyring, decision: Decision, caller: Caller) -> KnownDek | None:
        """Make a new DEK the newest, and return it. None: another was quicker, or the decision holds no longer."""
        asking, expected = _Asking(ring, decision, caller), self._store.latest(ring, caller.deadline)
        generation = self._recent.generation
        made = self._made(asking, expected, FIRST if expected is None else ON_DEMAND)
        return None if made is None else self._kept(newest_of(ring), made, asking, generation)

    def cipher(self, ring: OwnedKeyring, dek: KnownDek, decision: Decision, caller: Caller) -> KeyringCipher:
        """Return the cipher of a DEK: at once, or opened by the customers' keys that guard it."""
        if dek.cipher is not None:
            return dek.cipher
        with self._keys.unwrap(ring, dek.id, dek.record, decision, caller) as key:
            return KeyringCipher(ring, dek.id, key.secret)

    def _cached(self, place: Place, asking: _Asking) -> KnownDek | None:
        found = self._recent.get(place, asking.decision.epoch)
        if found is None:
            return None
        dek, stale = found
        if not self._still_fits(place, dek, asking):
            self._recent.drop(place)
            return None
        if stale:
            self._refreshing.soon(place, partial(self._refresh, place, asking.ring, dek))
        return dek

    def _still_fits(self, place: Place, dek: KnownDek, asking: _Asking) -> bool:
        """Compare a DEK for new values with the bindings themselves: an epoch that was set back tells nothing."""
        if not asking.decision.bindings or place != newest_of(asking.ring):
            return True
        return self._keys.fits(asking.ring, dek.id, dek.record, asking.decision)

    def _refresh(self, place: Place, ring: OwnedKeyring, dek: KnownDek) -> None:
        newest = place == newest_of(ring)
        found = self._store.latest(ring) if newest else self._store.load(ring, dek.id)
        if found is not None and (found.id, found.record) == (dek.id, dek.record):
            self._recent.confirm(place, dek)
        else:
            self._recent.drop(place)

    def _loaded(self, key_id: DekId, asking: _Asking) -> KnownDek:
        generation = self._recent.generation
        found = self._store.load(asking.ring, key_id, asking.caller.deadline)
        if found is None:
            raise EnvelopeRejected("unknown DEK")
        return self._kept(place_of(asking.ring, key_id), found, asking, generation)

    def _found_or_made(self, asking: _Asking, encryptions: int) -> KnownDek | None:
        """Return the newest DEK, or the first. None: it was replaced, another was quicker, or the epoch has moved."""
        generation = self._recent.generation
        found = self._store.latest(asking.ring, asking.caller.deadline)
        why = FIRST if found is None else self._unfit(found, asking, encryptions)
        if why is not None:
            made = self._made(asking, found, why)
            if made is None or found is not None:
                return None
            found = made
        assert found is not None  # else it would have to be made
        return self._kept(newest_of(asking.ring), found, asking, generation)

    def _unfit(self, found: StoredDek, asking: _Asking, encryptions: int) -> str | None:
        """Return why a stored DEK may not encrypt so many values more; None: it may."""
        if not self._keys.fits(asking.ring, found.id, found.record, asking.decision):
            return BY_KEYS
        created_at = self._keys.created_at(found.id, found.record)
        counted = self._log.counts(asking.ring).get(found.id, 0)
        return self._overdue(KnownDek(found.id, created_at, b"", b"", (), None, counted), encryptions)

    def _overdue(self, dek: KnownDek, encryptions: int) -> str | None:
        if dek.encryptions + encryptions > MAX_ENCRYPTIONS:
            return BY_COUNT
        age_s = self._clock() - dek.created_at / 1000
        return BY_AGE if 0 < self._rules.rotate_after_s <= age_s else None

    def _made(self, asking: _Asking, expected: StoredDek | None, why: str) -> StoredDek | None:
        """Make a DEK, and return it if it became the newest instead of `expected`, else None."""
        ring, decision, caller = asking.ring, asking.decision, asking.caller
        key_id, created_at = new_dek_id(), int(self._clock() * 1000)
        with DataKey.fresh() as key:
            wrapping = self._keys.wrap(DekName(ring, key_id, created_at), key, decision, caller)
        dek = StoredDek(key_id, wrapping.record)
        event = event_of(Action.KEYRING_DEK_CREATED, ring, caller, target=key_id, detail=why)
        limits = self._limits_of(ring.environment, ring.org)
        most = MAX_DEKS if why == ON_DEMAND else 0  # what a limit of its own asks for is never refused
        change = KeyringChange(event, wrapping.uses, limits, decision.epoch, most_deks=most)
        return dek if self._store.add(ring, dek, expected, change, caller.deadline) else None

    def _kept(self, place: Place, found: StoredDek, asking: _Asking, generation: int) -> KnownDek:
        """Return a DEK, open if it may be kept so, and cache it."""
        ring, decision, caller = asking.ring, asking.decision, asking.caller
        dek = KnownDek(
            found.id,
            self._keys.created_at(found.id, found.record),
            found.record,
            found.version,
            self._keys.keks(found.id, found.record),
            None,
        )
        if not self._keys.guarded(found.id, found.record, decision):
            dek.cipher = self.cipher(ring, dek, decision, caller)
        self._recent.put(place, dek, decision.epoch, generation)
        return dek
