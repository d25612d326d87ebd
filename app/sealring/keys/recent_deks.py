"""A cache of keyrings' DEKs, which tells fresh from stale ones, and knows at which epoch each was read."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from sealring.crypto.keyring_cipher import KeyringCipher
from sealring.domain.decision import Epoch
from sealring.domain.keyrings import LATEST, DekId, OwnedKeyring
from sealring.domain.values import value

Place = tuple[str, str, str]  # environment, name of the keyring, DEK id or LATEST
Owner = tuple[str, str]


@dataclass(slots=True)
class KnownDek:
    """A DEK that was read. `encryptions` is as many as the store last reported."""

    id: DekId
    created_at: int  # milliseconds since 1970
    record: bytes = field(repr=False)
    version: bytes
    keks: tuple[tuple[bytes, int], ...]
    cipher: KeyringCipher | None  # None: a customer's key guards it, and it is opened for each use
    encryptions: int = 0


@value
class _Entry:
    dek: KnownDek
    epoch: Epoch
    read_at: float


class RecentDeks:
    """The last used DEKs. Thread-safe. A DEK of another epoch than the decision's is not there.

    When all places are taken, who has more of them than the average owner makes room with an own one: nobody drives out
    the DEKs of others with a thousand keyrings.
    """

    def __init__(self, *, size: int, fresh_s: float, stale_s: float, clock: Callable[[], float]) -> None:
        self._size = size
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._clock = clock
        self._entries: OrderedDict[Place, _Entry] = OrderedDict()
        self._of: Counter[Owner] = Counter()
        self._lock = Lock()
        self.generation = 0  # grows with each `clear`

    def get(self, place: Place, epoch: Epoch) -> tuple[KnownDek, bool] | None:
        """Return a DEK, and whether it has to be read again beside its use; None if it cannot be used."""
        with self._lock:
            entry = self._entries.get(place)
            if entry is None:
                return None
            age = self._clock() - entry.read_at
            if entry.epoch != epoch or age >= self._stale_s:
                self._remove(place)  # else it would be there again if somebody set the epoch back
                return None
            self._entries.move_to_end(place)
        return entry.dek, age >= self._fresh_s

    def put(self, place: Place, dek: KnownDek, epoch: Epoch, generation: int) -> None:
        """Keep a DEK that was read under a decision, unless the cache was cleared since `generation`."""
        with self._lock:
            if generation != self.generation:
                return
            self._remove(place)
            self._entries[place] = _Entry(dek, epoch, self._clock())
            self._of[_owner(place)] += 1
            if len(self._entries) > self._size:
                self._remove(self._worst(_owner(place)))

    def confirm(self, place: Place, dek: KnownDek) -> None:
        """Note that a DEK was read again just now, and is still the same."""
        with self._lock:
            entry = self._entries.get(place)
            if entry is not None and entry.dek is dek:
                self._entries[place] = _Entry(dek, entry.epoch, self._clock())

    def drop(self, place: Place) -> None:
        with self._lock:
            self._remove(place)

    def clear(self) -> None:
        with self._lock:
            self.generation += 1
            self._entries.clear()
            self._of.clear()

    def _worst(self, newcomer: Owner) -> Place:
        """Return the place that was not used for longest: of the newcomer, if it has more than the average."""
        if self._of[newcomer] * len(self._of) <= len(self._entries):
            return next(iter(self._entries))
        return next(place for place in self._entries if _owner(place) == newcomer)

    def _remove(self, place: Place) -> None:
        if self._entries.pop(place, None) is None:
            return
        owner = _owner(place)
        self._of[owner] -= 1
        if not self._of[owner]:
            del self._of[owner]


def _owner(place: Place) -> Owner:
    """Return whom a keyring belongs to: what its name has before the first slash."""
    return place[0], place[1].partition("/")[0]


def place_of(ring: OwnedKeyring, which: str) -> Place:
    """Return the place of a DEK, or of the newest one. Three parts, so that no two keyrings share a place."""
    return ring.environment, ring.ring.name, which


def newest_of(ring: OwnedKeyring) -> Place:
    return place_of(ring, LATEST)
