"""The use cases of an operator: which keyrings there are, wrapping their DEKs anew, destroying one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sealring.domain.events import Action
from sealring.domain.keyring_ports import KeyringChange, KeyringLog, KeyringPage, KeyringStore, StoredDek
from sealring.domain.keyrings import LATEST, DekInfo, Keyring, OwnedKeyring
from sealring.domain.principal import Caller, Permission
from sealring.errors import IntegrityFailure, KeyFailure, NotFound, SealringError
from sealring.keys.decisions import Decisions
from sealring.keys.keyring_deks import KeyringDeks
from sealring.services.keyring_events import event_of

MAX_FAILURES = 100  # that a report names
_TRIES = 5  # to replace a record that others replace too

Failure = tuple[str, str, str]  # the keyring, the DEK, the reason


@dataclass(slots=True)
class RollReport:
    """What a roll has done so far. `before` and `after` count the wrapped DEKs by KEK."""

    moved: int = 0
    current: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)  # of the pass that verifies

    def note(self, ring: OwnedKeyring, dek: str, failure: SealringError) -> None:
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            reason = failure.reason if isinstance(failure, IntegrityFailure) else str(failure)
            self.failures.append((ring.ring.name, dek, reason))

    @property
    def unused(self) -> Sequence[str]:
        """The KEKs under which the first pass found DEKs, and the second pass none; none if a DEK could not be read."""
        return () if self.failed else sorted(self.before.keys() - self.after.keys())


class KeyringCare:
    """Without routes. Methods raise Forbidden; StoreError; IntegrityFailure. Thread-safe."""

    def __init__(self, store: KeyringStore, log: KeyringLog, keys: KeyringDeks, bound: Decisions) -> None:
        self._store = store
        self._log = log
        self._keys = keys
        self._bound = bound

    def page(self, caller: Caller, after: bytes | None = None) -> KeyringPage:
        caller.principal.require(Permission.KEKS_MANAGE)
        return self._store.page(caller.principal.environment, after)

    def show(self, caller: Caller, ring: Keyring) -> Sequence[DekInfo]:
        """Return the DEKs of a keyring, oldest first. Raises NotFound."""
        owned = self._admitted(caller, ring)
        deks, newest, counts = self._store.deks(owned), self._store.latest(owned), self._log.counts(owned)
        if newest is None or not deks:
            raise NotFound("Keyring")
        found = [
            DekInfo(
                each.id,
                self._keys.created_at(each.id, each.record),
                self._keys.under(each.id, each.record),
                each.id == newest.id,
                counts.get(each.id, 0),
            )
            for each in deks
        ]
        return sorted(found, key=lambda each: each.created_at)

    def destroy(self, caller: Caller, ring: Keyring) -> int:
        """Delete a keyring with all its DEKs, and return how many. What it encrypted never opens again."""
        owned = self._admitted(caller, ring)
        return self._store.destroy(owned, event_of(Action.KEYRING_DESTROYED, owned, caller))

    def roll(self, caller: Caller, report: RollReport) -> Iterator[int]:
        """Wrap every DEK under the KEKs that the settings and the bindings name now; then count again.

        Yield the number of DEKs of each page, in both passes. A roll that was stopped anywhere may begin again: what is
        under its KEKs already stays as it is. A DEK whose key fails is reported, and does not stop the others.
        """
        for ring, deks in self._everything(caller, report):
            for each in deks:
                self._roll(caller, ring, each, report)
            yield len(deks)
        for ring, deks in self._everything(caller, report):
            for each in deks:
                self._recount(ring, each, report)
            yield len(deks)

    def _everything(self, caller: Caller, report: RollReport) -> Iterator[tuple[OwnedKeyring, Sequence[StoredDek]]]:
        """Yield each keyring with its DEKs, and with the newest as the pointer has it."""
        after: bytes | None = None
        while True:
            page = self.page(caller, after)
            for each in page.keyrings:
                loaded = [self._store.load(each.ring, dek_id) for dek_id in each.deks]
                yield each.ring, [dek for dek in (*loaded, self._newest(each.ring, report)) if dek is not None]
            after = page.after
            if after is None:
                return

    def _newest(self, ring: OwnedKeyring, report: RollReport) -> StoredDek | None:
        try:
            return self._store.latest(ring)
        except IntegrityFailure as failure:
            report.note(ring, LATEST, failure)
            return None

    def _roll(self, caller: Caller, ring: OwnedKeyring, dek: StoredDek, report: RollReport) -> None:
        try:
            before = self._keys.under(dek.id, dek.record)
            report.before.update(before)
            if self._moved(caller, ring, dek):
                report.moved += 1
            else:
                report.current += 1
        except (KeyFailure, IntegrityFailure) as failure:
            report.note(ring, dek.id, failure)

    def _moved(self, caller: Caller, ring: OwnedKeyring, dek: StoredDek) -> bool:
        """Wrap a DEK anew; return whether it was under other KEKs, and now is under those of its route."""
        found: StoredDek | None = dek
        for _ in range(_TRIES):
            decision = self._bound.renewed(ring.environment, ring.org)
            if found is None:  # destroyed meanwhile
                return False
            with self._keys.unwrap(ring, found.id, found.record, decision, caller) as secret:
                name = self._keys.name(ring, found.id, found.record)
                wrapping = self._keys.wrap(name, secret, decision, caller)
            if self._keys.under(found.id, found.record) == self._keys.under(found.id, wrapping.record):
                return False
            event = event_of(Action.KEYRING_DEK_REWRAPPED, ring, caller, target=found.id)
            change = KeyringChange(event, wrapping.uses, epoch=decision.epoch)
            if self._store.replace(ring, found, wrapping.record, change):
                return True
            found = self._store.load(ring, found.id)
        return False  # others replace it all the time; the second pass tells under which KEKs

    def _recount(self, ring: OwnedKeyring, dek: StoredDek, report: RollReport) -> None:
        try:
            report.after.update(self._keys.under(dek.id, dek.record))
        except IntegrityFailure as failure:
            report.note(ring, dek.id, failure)

    def _admitted(self, caller: Caller, ring: Keyring) -> OwnedKeyring:
        caller.principal.require(Permission.KEKS_MANAGE)
        caller.principal.require_keyring(ring)
        return OwnedKeyring(caller.principal.environment, ring)
