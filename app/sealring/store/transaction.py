"""The transaction loop: WATCH and read, decide, MULTI … EXEC, and find out what was applied after a lost reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sealring.errors import (
    IntegrityFailure,
    OutcomeUnknown,
    SealringError,
    StoreError,
    StoreUnavailable,
    WriteContention,
)
from sealring.fibers import MustNotWait
from sealring.observability import metrics
from sealring.store.connection.link import Command, Elsewhere, Link, LinkLost, Patience, Reply
from sealring.store.connection.links import WAIT_MS, Links, fence

ANSWER_LOST = "The store's reply was lost, and the write may have been applied. Read before you write again."

T = TypeVar("T")

_COMMITTED, _REPEATED, _REFUSED, _CONFLICT, _LANDED, _LOST, _UNKNOWN, _CONTENTION, _UNAVAILABLE = (
    metrics.TRANSACTIONS.of(outcome=outcome)
    for outcome in (
        "committed", "repeated", "refused", "conflict", "ambiguous_landed", "ambiguous_lost", "unknown", "contention",
        "unavailable",
    )
)  # fmt: skip


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Commit(Generic[T]):
    """Write `commands` for the result `result`. `refused` is called if a concurrent write prevents them.

    `before` is written first, in the same round trip, whether or not the others are applied.
    """

    commands: Sequence[Command]
    result: T
    refused: Callable[[], None] = _nothing
    before: Sequence[Command] = ()


@dataclass(frozen=True, slots=True)
class Settled(Generic[T]):
    """Nothing (more) to write: an earlier EXEC of ours was applied, or another writer did the same before us."""

    result: T


Try = Callable[[Link, Sequence[T]], Commit[T] | Settled[T]]


def transact(links: Links, key: bytes, attempt: Try[T]) -> T:
    """Run `attempt` until its commit is applied. All its keys are in the slot of `key`.

    `attempt` sends WATCH and its reads on the link, raises what forbids the write, and recognises its own earlier
    write. It gets the results of the commits with lost replies: only the last of them can have been applied, and other
    writes may have followed it. A delayed EXEC and its retry depend on the same watched keys, so at most one of them is
    applied. If replicas must confirm, the returned result has reached them. Raises WriteContention, OutcomeUnknown or
    StoreUnavailable.
    """
    try:
        return _counted(links, key, attempt, alone=False)
    except MustNotWait:  # in its first try, as the member of a group: nothing was written
        return _counted(links, key, attempt, alone=True)


def _counted(links: Links, key: bytes, attempt: Try[T], *, alone: bool) -> T:
    """Count how a transaction fails; `_transact` counts its attempts and its success."""
    try:
        return _transact(links, key, attempt, alone=alone)
    except OutcomeUnknown:
        _UNKNOWN.add()
        raise
    except WriteContention:
        _CONTENTION.add()
        raise
    except StoreError:
        _UNAVAILABLE.add()
        raise
    except SealringError:
        _REFUSED.add()
        raise


def _transact(links: Links, key: bytes, attempt: Try[T], *, alone: bool) -> T:
    patience = Patience()
    lost: list[T] = []
    while True:
        step: Commit[T] | Settled[T] | None = None
        failure: StoreError = WriteContention("Too many writers at once; nothing was written. Try again.")
        try:
            with links.for_transaction(key, alone=alone) as link:
                step = _attempt(link, attempt, lost)
                if _completed(links, link, key, step):
                    _count(step, lost)
                    return step.result
                _CONFLICT.add()
        except LinkLost:
            links.look_again()
            if isinstance(step, Commit):
                lost.append(step.result)
            failure = StoreUnavailable("The store does not answer; nothing was written. Try again later.")
        except Elsewhere:
            links.look_again()
            failure = StoreUnavailable("The store cannot accept this now; nothing was written. Try again later.")
        except StoreError as refusal:
            if lost:  # one of these may have been applied
                raise OutcomeUnknown(ANSWER_LOST) from refusal
            raise
        alone = True
        if not patience.pause():
            raise OutcomeUnknown(ANSWER_LOST) if lost else failure


def _count(step: Commit[T] | Settled[T], lost: Sequence[T]) -> None:
    """Count a transaction that is in the store. With lost replies, the last attempt found out what became of them."""
    if isinstance(step, Commit):
        _COMMITTED.add()
        if lost:
            _LOST.add()
    else:
        (_LANDED if lost else _REPEATED).add()


def _attempt(link: Link, attempt: Try[T], lost: Sequence[T]) -> Commit[T] | Settled[T]:
    """Run `attempt`, and send UNWATCH if it does not lead to a commit."""
    try:
        step = attempt(link, lost)
    except SealringError:
        link.send((b"UNWATCH",))
        raise
    if isinstance(step, Settled):
        link.send((b"UNWATCH",))
    return step


def _completed(links: Links, link: Link, key: bytes, step: Commit[T] | Settled[T]) -> bool:
    """Return whether the result is in the store: False if a watched key had changed."""
    if isinstance(step, Settled):
        _confirm(links, link, key)
        return True
    applied = _execute(links, link, step)
    if not applied:
        step.refused()
    return applied


def _execute(links: Links, link: Link, commit: Commit[T]) -> bool:
    """Return whether the transaction was applied: False if a watched key had changed."""
    commands: Sequence[Command] = (*commit.before, (b"MULTI",), *commit.commands, (b"EXEC",))
    if not links.replicas:
        return _applied(link.send(*commands)[-1])
    *_, results, reached = link.send(*commands, (b"WAIT", links.replicas, WAIT_MS))
    if not _applied(results):
        return False
    _check_reached(links, reached)
    return True


def _applied(results: list[Reply] | None) -> bool:
    if results is not None and any(isinstance(each, Exception) for each in results):
        raise IntegrityFailure("a committed transaction holds an error")
    return results is not None


def _confirm(links: Links, link: Link, key: bytes) -> None:
    """Wait until what this node holds has reached the replicas. Raises OutcomeUnknown if it does not in time."""
    if links.replicas:
        _, reached = link.send(fence(key), (b"WAIT", links.replicas, WAIT_MS))
        _check_reached(links, reached)


def _check_reached(links: Links, reached: int) -> None:
    if not links.are_enough(reached):
        raise OutcomeUnknown("The write is not on enough replicas yet. Read before you write again.")
