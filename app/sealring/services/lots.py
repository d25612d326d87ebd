"""Lots: the items of a batch that have one data key. What they open to leaves only if all decisions hold at the end."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from sealring.domain.decision import Decision
from sealring.domain.ports import AuditLog, ItemEvents, Owner
from sealring.domain.principal import Caller
from sealring.errors import NotReached, SealringError, StoreLost, WriteContention
from sealring.keys.decisions import Decisions
from sealring.many import bare, together

AT_ONCE = 8  # items or lots of one batch, if there are places for so many

T = TypeVar("T")
Results = dict[int, T | SealringError]  # by place in the request


class Lot(Protocol):
    """Items of one organization that are sealed, or opened, by one data key."""

    decision: Decision
    events: ItemEvents | None  # of the audit log, for what was done; None if nothing was

    @abstractmethod
    def admit(self, caller: Caller) -> None:
        """Count the items, and take the decision to begin with. Raises SealringError if the caller may not."""

    @abstractmethod
    def work(self, caller: Caller) -> None:
        """Seal or open under the decision, or a newer one. Raises SealringError."""

    @abstractmethod
    def fail(self, failure: SealringError) -> None:
        """Let each of its items have this failure as its result."""


def settle(lots: Sequence[Lot], caller: Caller, audit: AuditLog, bound: Decisions) -> None:
    """Work on each lot, and again on those whose decision does not hold when all events are stored.

    A lot that fails has its failure, and holds up no other. Raises StoreError if the events cannot be stored.
    """
    pending = [lot for lot in lots if _is_done(lot, partial(lot.admit, caller))]
    while pending:
        _work_on(pending, caller)
        standing = [lot for lot in lots if lot.events is not None]
        events = [lot.events for lot in pending if lot.events is not None]
        owners = list(dict.fromkeys(map(_owner, standing)))
        epochs = audit.append_all(events, owners) if standing else {}
        pending = [lot for lot in standing if not lot.decision.holds_at(epochs[_owner(lot)])]
        if pending:
            try:
                caller = caller.again()
            except WriteContention as failure:
                _fail(pending, bare(failure))
                return
            _renew(pending, bound)


def reached(caller: Caller) -> None:
    """Raises NotReached if the deadline of the batch has passed."""
    if time.monotonic() >= caller.deadline:
        raise NotReached("The time of the batch was over before this item; nothing was done for it. Send it again.")


def caught(work: Callable[[], T]) -> T | SealringError:
    """Return what `work` returns, or its failure. Raises StoreLost: then nothing that was done may count."""
    try:
        return work()
    except StoreLost:
        raise
    except SealringError as failure:
        return bare(failure)


def _is_done(lot: Lot, work: Callable[[], None]) -> bool:
    failure = caught(work)
    if failure is not None:
        _fail([lot], failure)
    return failure is None


def _work_on(lots: Sequence[Lot], caller: Caller) -> None:
    def work(lot: Lot) -> None:
        reached(caller)
        lot.work(caller)

    works = [partial(_is_done, lot, partial(work, lot)) for lot in lots]
    for outcome in together(works, caller.places(min(AT_ONCE, len(works)))):
        outcome.get()


def _fail(lots: Sequence[Lot], failure: SealringError) -> None:
    for lot in lots:
        lot.events = None
        lot.fail(failure)


def _renew(lots: Sequence[Lot], bound: Decisions) -> None:
    newest = {owner: bound.renewed(*owner) for owner in set(map(_owner, lots))}
    for lot in lots:
        lot.decision = newest[_owner(lot)]


def _owner(lot: Lot) -> Owner:
    return lot.decision.environment, lot.decision.org
