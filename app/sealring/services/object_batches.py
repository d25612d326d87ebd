"""Batches of objects: many created or read in one request, each as if it had been asked for by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from sealring.domain.context import KeyContext
from sealring.domain.ids import OrgId
from sealring.domain.ports import AuditLog, Owner
from sealring.domain.principal import Caller, Permission
from sealring.domain.record import ObjectRecord
from sealring.errors import PayloadTooLarge, WriteContention
from sealring.many import bare, together
from sealring.services.lots import AT_ONCE, Results, caught, reached
from sealring.services.objects import Objects, OpenedObject

MAX_READ_BYTES = 8 << 20  # of the values in one answer; the last ones that were begun may exceed it

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class NewObject:
    name: str = field(repr=False)
    value: str = field(repr=False)
    context: KeyContext = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object to read: by its id, or by its name if it has none; in one organization, or in those of the caller."""

    id: str = ""
    name: str = field(default="", repr=False)
    org: OrgId | None = None


class ObjectBatches:
    """The use cases of many objects. Thread-safe. Each result is the object, or the item's own failure."""

    def __init__(self, objects: Objects, audit: AuditLog) -> None:
        self._objects = objects
        self._audit = audit

    def create(self, caller: Caller, new: Mapping[int, NewObject]) -> Results[ObjectRecord]:
        """Create objects. Of those with one name, the first one gets it.

        With an Idempotency-Key, each item is recognised by the key and its place: a retry creates what is missing.
        """
        caller.principal.require(Permission.OBJECTS_CREATE)
        by_name: dict[tuple[OrgId, str], dict[int, NewObject]] = {}
        for place, each in new.items():
            by_name.setdefault((each.context.organization, each.name), {})[place] = each
        results: Results[ObjectRecord] = {}
        _each_in_turn(caller, list(by_name.values()), self._created, results)
        return results

    def read(self, caller: Caller, wanted: Mapping[int, Wanted]) -> Results[OpenedObject]:
        """Read objects. An object leaves only if what guards its organization has not changed when the last is read."""
        caller.principal.require(Permission.OBJECTS_READ)
        results: Results[OpenedObject] = {}
        pending: Sequence[int] = list(wanted)
        while pending:
            read = partial(self._read, _Room(MAX_READ_BYTES - _size_of(results, pending)))
            _each_in_turn(caller, [{place: wanted[place]} for place in pending], read, results)
            pending = self._outdated(results)
            if pending:
                try:
                    caller = caller.again()
                except WriteContention as failure:
                    results.update(dict.fromkeys(pending, bare(failure)))
                    break
        return results

    def _created(self, caller: Caller, new: NewObject) -> ObjectRecord:
        return self._objects.create(caller, name=new.name, value=new.value, context=new.context)

    def _read(self, room: _Room, caller: Caller, wanted: Wanted) -> OpenedObject:
        room.check()
        if wanted.id:
            opened = self._objects.read(caller, wanted.id)
        else:
            opened = self._objects.read_by_name(caller, wanted.name, wanted.org)
        room.left -= _size(opened)
        return opened

    def _outdated(self, results: Results[OpenedObject]) -> Sequence[int]:
        """Return the places of objects whose decision does not hold now."""
        opened = {place: each for place, each in results.items() if isinstance(each, OpenedObject)}
        owners = list(dict.fromkeys(map(_owner, opened.values())))
        if not owners:
            return ()
        epochs = self._audit.append_all((), owners)
        return [place for place, each in opened.items() if not each.decision.holds_at(epochs[_owner(each)])]


class _Room:
    """How many bytes of values still fit into an answer. It is only for the fibers of one batch."""

    def __init__(self, left: int) -> None:
        self.left = left

    def check(self) -> None:
        """Raises PayloadTooLarge if there is none."""
        if self.left <= 0:
            raise PayloadTooLarge(
                f"The values before this one have {MAX_READ_BYTES} bytes, the most of one batch. Read it by itself."
            )


def _each_in_turn(
    caller: Caller,
    chains: Sequence[Mapping[int, T]],
    work: Callable[[Caller, T], R],
    results: Results[R],
) -> None:
    """Work on chains at the same time, and within each on one item after the other."""

    def one(place: int, item: T) -> R:
        reached(caller)
        return work(caller.of_item(place), item)

    def chain(items: Mapping[int, T]) -> None:
        for place, item in items.items():
            results[place] = caught(partial(one, place, item))

    for outcome in together([partial(chain, items) for items in chains], caller.places(min(AT_ONCE, len(chains)))):
        outcome.get()


def _size_of(results: Results[OpenedObject], but: Sequence[int]) -> int:
    left_out = set(but)
    return sum(
        _size(each) for place, each in results.items() if place not in left_out and isinstance(each, OpenedObject)
    )


def _size(opened: OpenedObject) -> int:
    return len(opened.record.current.envelope.ciphertext)


def _owner(opened: OpenedObject) -> Owner:
    return opened.decision.environment, opened.decision.org
