"""Keyrings in memory: the same promises as those of the real stores."""

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from threading import RLock

from sealring.domain.decision import new_epoch
from sealring.domain.keyring_ports import KeyringPage, KeyringSummary, StoredDek, Used
from sealring.domain.limits import Use
from sealring.errors import QuotaExceeded
from support.memory import home

PAGE = 3


@dataclass
class _Ring:
    latest: str
    deks: dict = field(default_factory=dict)


class MemoryKeyrings:
    """A KeyringStore, and a KeyringLog. Thread-safe."""

    beside_log = True

    def __init__(self, audit):
        self._audit = audit
        self._rings = {}
        self._counts = {}
        self._versions = count(1)
        self._lock = RLock()

    def load(self, ring, dek_id, until=None):
        with self._lock:
            return self._rings[ring].deks.get(dek_id) if ring in self._rings else None

    def latest(self, ring, until=None):
        with self._lock:
            return self.load(ring, self._rings[ring].latest) if ring in self._rings else None

    def add(self, ring, dek, expected, change, until=None):
        with self._lock:
            held = self._rings.get(ring)
            if held is not None and dek.id in held.deks:
                return held.deks[dek.id].record == dek.record
            if (held and held.latest) != (expected and expected.id) or change.epoch not in {None, self._epoch(ring)}:
                return False
            if held is not None and 0 < change.most_deks <= len(held.deks):
                raise QuotaExceeded("The keyring gets no more on demand.")
            change.limits.admit(self._audit.used(ring.environment, ring.org), Use(objects=1))
            self._audit.use(ring.environment, ring.org, Use(objects=1))
            held = self._rings.setdefault(ring, _Ring(dek.id))
            held.latest, held.deks[dek.id] = dek.id, self._stamped(dek)
            self.changed(ring, change, moves_epoch=expected is not None)
            return True

    def replace(self, ring, old, record, change):
        with self._lock:
            if self.load(ring, old.id) != old or change.epoch not in {None, self._epoch(ring)}:
                return False
            self._rings[ring].deks[old.id] = self._stamped(StoredDek(old.id, record))
            self.changed(ring, change, moves_epoch=False)
            return True

    def deks(self, ring):
        with self._lock:
            return list(self._rings[ring].deks.values()) if ring in self._rings else []

    def page(self, environment, after=None):
        with self._lock:
            names = sorted(each.ring.name for each in self._rings if each.environment == environment)
            left = [name for name in names if after is None or name.encode() > after]
            rings = [each for each in self._rings if each.environment == environment and each.ring.name in left[:PAGE]]
            found = [KeyringSummary(each, list(self._rings[each].deks)) for each in rings]
            return KeyringPage(found, left[PAGE - 1].encode() if len(left) > PAGE else None)

    def destroy(self, ring, event):
        with self._lock:
            held = self._rings.pop(ring, None)
            self._counts.pop(ring, None)
            if held is None:
                return 0
            self._audit.use(ring.environment, ring.org, -Use(objects=len(held.deks)))
            self._audit.append(event)
            self._move(ring)
            return len(held.deks)

    def used(self, ring, events, encryptions, expected=()):
        with self._lock:
            lost = [each for each in expected if self.load(ring, each) is None]
            counts = self._counts.setdefault(ring, Counter())
            counts.update({each: count for each, count in encryptions.items() if each not in lost})
            for event in events:
                self._audit.append(event)
            return Used(self._epoch(ring), {each: counts[each] for each in encryptions if each not in lost}, lost)

    def changed(self, ring, change, *, moves_epoch):
        with self._lock:
            self._audit.append(change.event, change.uses)
            if moves_epoch or change.moves_epoch:
                self._move(ring)

    def counts(self, ring):
        return dict(self._counts.get(ring, {}))

    def forget(self, ring):
        self._counts.pop(ring, None)
        self._move(ring)

    def _epoch(self, ring):
        return self._audit.epochs.get(home(ring.environment, ring.org))

    def _move(self, ring):
        self._audit.epochs[home(ring.environment, ring.org)] = new_epoch()

    def _stamped(self, dek):
        return replace(dek, version=b"%d" % next(self._versions))
