"""The use cases of an operator: which keyrings there are, wrapping their DEKs anew, destroying one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sealring.domain.events import Action
from sealring.domain.ids import EnvironmentId
from sealring.domain.keyring_ports import (
    KeyringChange,
    KeyringLog,
    KeyringPage,
    KeyringStore,
    KeyringSummary,
    StoredDek,
)
from sealring.domain.keyrings import LATEST, DekId, DekInfo, Keyring, OwnedKeyring
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
    """What a roll has done so far."""

    moved: int = 0
    current: int = 0
    kept: int = 0  # under a customer's key that no longer guards new values, and guards these alone
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    masters: set[str] = field(default_factory=set)  # the master keys under which there were DEKs
    after: Counter[str] = field(default_factory=Counter)  # DEKs by KEK, in the pass that verifies

    def note(self, name: str, dek: str, failure: SealringError) -> None:
        """Note a failure once, however many passes find it. `name`: of the keyring, or what is known of it."""
        found = (name, dek, failure.reason if isinstance(failure, IntegrityFailure) else str(failure))
        if found in self.failures:
            return
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(found)

    @property
    def unused(self) -> Sequence[str]:
        """The master keys that guarded DEKs and guard none now, in any environment; none if a DEK could not be read.

        Never another KEK: those of customers are not ours to drop, and a managed one may guard objects as well.
        """
        return () if self.failed else sorted(self.masters - self.after.keys())


class KeyringCare:
    """Without routes. Methods raise Forbidden; StoreError; IntegrityFailure. Thread-safe."""

    def __init__(
        self,
        store: KeyringStore,
        log: KeyringLog,
        keys: KeyringDeks,
        bound: Decisions,
        environments: Sequence[EnvironmentId],
    ) -> None:
        """`environments`: all of the settings, because a master key is for all of them."""
        self._store = store
        self._log = log
        self._keys = keys
        self._bound = bound
        self._environments = environments

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
        under its KEKs already stays as it is, and so does a DEK that would lose the guard of a customer's key. A DEK
        that fails is reported, and does not stop the others. The second pass looks at all environments.
        """
        caller.principal.require(Permission.KEKS_MANAGE)
        for ring, deks in self._everything(caller.principal.environment, report):
            for each in deks:
                self._roll(caller, ring, each, report)
            yield len(deks)
        for environment in self._environments_of(caller):
            for ring, deks in self._everything(environment, report):
                for each in deks:
                    self._recount(ring, each, report)
                yield len(deks)

    def count(self, caller: Caller) -> int:
        """Return how many DEKs a roll will yield, in both passes."""
        caller.principal.require(Permission.KEKS_MANAGE)
        mine = caller.principal.environment
        pages = (page for each in (mine, *self._environments_of(caller)) for page in self._pages(each))
        return sum(len(each.deks) + 1 for page in pages for each in page.keyrings)

    def _environments_of(self, caller: Caller) -> Sequence[EnvironmentId]:
        return tuple(dict.fromkeys((caller.principal.environment, *self._environments)))

    def _pages(self, environment: EnvironmentId) -> Iterator[KeyringPage]:
        page = self._store.page(environment)
        yield page
        while page.after is not None:
            page = self._store.page(environment, page.after)
            yield page

    def _everything(
        self, environment: EnvironmentId, report: RollReport
    ) -> Iterator[tuple[OwnedKeyring, Sequence[StoredDek]]]:
        """Yield each keyring with its DEKs, and with the newest as the pointer has it; note what cannot be read."""
        for page in self._pages(environment):
            for digest in page.altered:
                report.note(f"keyring {digest}", "", IntegrityFailure("its name cannot be read"))
            for each in page.keyrings:
                yield each.ring, list(self._readable(each, report))

    def _readable(self, summary: KeyringSummary, report: RollReport) -> Iterator[StoredDek]:
        ring = summary.ring
        for dek_id in (*summary.deks, LATEST):
            try:
                found = self._store.latest(ring) if dek_id == LATEST else self._store.load(ring, DekId(dek_id))
            except IntegrityFailure as failure:
                report.note(ring.ring.name, dek_id, failure)
                continue
            if found is not None:
                yield found

    def _roll(self, caller: Caller, ring: OwnedKeyring, dek: StoredDek, report: RollReport) -> None:
        try:
            master = self._keys.master_of(dek.id, dek.record)
            if master is not None:
                report.masters.add(master)
            self._wrap_anew(caller, ring, dek, report)
        except (KeyFailure, IntegrityFailure) as failure:
            report.note(ring.ring.name, dek.id, failure)

    def _wrap_anew(self, caller: Caller, ring: OwnedKeyring, dek: StoredDek, report: RollReport) -> None:
        """Wrap a DEK under the KEKs of its route, unless it is under them, or would lose a customer's guard."""
        found: StoredDek | None = dek
        for _ in range(_TRIES):
            decision = self._bound.renewed(ring.environment, ring.org)
            if found is None:  # destroyed meanwhile
                break
            if self._keys.would_lose_a_guard(ring, found.id, found.record, decision):
                report.kept += 1
                return
            with self._keys.unwrap(ring, found.id, found.record, decision, caller) as secret:
                name = self._keys.name(ring, found.id, found.record)
                wrapping = self._keys.wrap(name, secret, decision, caller)
            if self._keys.under(found.id, found.record) == self._keys.under(found.id, wrapping.record):
                break
            event = event_of(Action.KEYRING_DEK_REWRAPPED, ring, caller, target=found.id)
            guarded = self._keys.guarded(found.id, wrapping.record, decision)  # then no worker may keep it open
            change = KeyringChange(event, wrapping.uses, epoch=decision.epoch, moves_epoch=guarded)
            if self._store.replace(ring, found, wrapping.record, change):
                report.moved += 1
                return
            found = self._store.load(ring, found.id)
        report.current += 1  # or others replace it all the time: the second pass tells under which KEKs

    def _recount(self, ring: OwnedKeyring, dek: StoredDek, report: RollReport) -> None:
        try:
            report.after.update(self._keys.under(dek.id, dek.record))
        except IntegrityFailure as failure:
            report.note(ring.ring.name, dek.id, failure)

    def _admitted(self, caller: Caller, ring: Keyring) -> OwnedKeyring:
        caller.principal.require(Permission.KEKS_MANAGE)
        caller.principal.require_keyring(ring)
        return OwnedKeyring(caller.principal.environment, ring)
