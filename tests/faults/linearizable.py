"""Whether the answers that clients got about one name could have come from one operation after another.

Wing and Gong's search with Lowe's memo. An operation takes effect at one moment between its start and its end; one whose
outcome is unknown does so at any moment after its start, or never. Every create and update of a history writes a value
of its own, so that a value tells which write it comes from.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_STATES = 200_000  # of one search; a history of some hundred operations takes a few thousand
UNSEEN = "(a value that nobody saw)"


class Undecided(Exception):
    """The search grew too large."""


class Outcome(StrEnum):
    OK = "ok"
    NOT_FOUND = "not found"
    CONFLICT = "conflict"  # the name is taken, or the version is another
    NOTHING = "nothing was done"  # for a reason that says nothing of the object
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """What one client did, and what it was told. `kind`: create, read, find (by name), update, delete or restore."""

    kind: str
    outcome: Outcome
    start: float
    end: float
    object: str = ""  # the id: sent, or of a create and a find answered
    version: str = ""  # answered to a create, read, find or update
    value: str = ""  # sent by a create or update, answered to a read or find
    check: str = ""  # the version that an update or delete asks for
    request: str = ""  # the id of the request, for those who look it up elsewhere


State = Mapping[str, tuple[str, bool]]  # the objects that had the name: id -> (value, live)
Written = Mapping[str, tuple[str, str]]  # what the clients saw of each write: value -> (object, version)


def linearizable(history: Sequence[Operation]) -> bool:
    return not contradiction(history)


def contradiction(history: Sequence[Operation]) -> Sequence[Operation]:
    """Return operations of which none can have come next, where the search got furthest; none if all is well."""
    written: dict[str, tuple[str, str]] = {}
    for each in history:
        if each.value and each.version and written.setdefault(each.value, _seen(each)) != _seen(each):
            return [each]  # one write, seen as two versions
    if len(set(written.values())) < len(written):
        return history  # two writes, seen as one version
    return _search(history, written)


def _search(history: Sequence[Operation], written: Written) -> Sequence[Operation]:
    known = sorted((each for each in history if each.outcome is not Outcome.UNKNOWN), key=lambda each: each.start)
    unknown = sorted((each for each in history if each.outcome is Outcome.UNKNOWN), key=lambda each: each.start)
    stack: list[tuple[int, int, State]] = [(0, 0, {})]  # the known and the unknown ones so far, as bits; what they left
    visited: dict[tuple[int, frozenset[Any]], list[int]] = defaultdict(list)
    furthest, stuck = -1, history
    while stack:
        done, used, state = stack.pop()
        next_ones = list(_next(known, done))
        if not next_ones:
            return []
        been_here = visited[done, frozenset(state.items())]
        if any(fewer & used == fewer for fewer in been_here):
            continue  # then with as many unknown ones left, or more
        been_here.append(used)
        if len(visited) > MAX_STATES:
            raise Undecided(len(history))
        if done.bit_count() > furthest:
            furthest, stuck = done.bit_count(), [known[index] for index in next_ones]
        steps = [(index, _after(state, known[index], written)) for index in next_ones]
        if quiet := [index for index, after in steps if after is state]:
            stack.append((done | 1 << quiet[0], used, state))  # a read or refusal that fits: no other way need be tried
            continue
        horizon = min(known[index].end for index in next_ones)
        for index in _unused(unknown, used, horizon, written):
            after = _after(state, unknown[index], written)
            if after not in (None, state):
                stack.append((done, used | 1 << index, after))
        stack += [(done | 1 << index, used, after) for index, after in reversed(steps) if after is not None]
    return stuck


def _next(known: Sequence[Operation], done: int) -> Iterator[int]:
    """The operations that can come next: those that began before any other that is left had ended."""
    end = math.inf
    left = []
    for index in range((~done & (done + 1)).bit_length() - 1, len(known)):
        if known[index].start > end:
            break
        if not done >> index & 1:
            left.append(index)
            end = min(end, known[index].end)
    return (index for index in left if known[index].start <= end)


def _unused(unknown: Sequence[Operation], used: int, horizon: float, written: Written) -> Iterator[int]:
    """The unknown operations that can come next; of those that nobody could tell apart, the first."""
    alike = set()
    for index, each in enumerate(unknown):
        kin = (each.kind, each.object, each.check, each.value if each.value in written else "")
        if not used >> index & 1 and each.start <= horizon and kin not in alike:
            alike.add(kin)
            yield index


def _after(state: State, each: Operation, written: Written) -> State | None:
    """Return what `each` leaves behind, or None where it cannot have had its outcome in `state`."""
    holder = next((name for name, (_, live) in state.items() if live), "")
    target = holder if each.kind in {"create", "find"} else each.object
    value, live = state.get(target, ("", False))
    expected = each.check in {"", written.get(value, ("", UNSEEN))[1]}
    if each.outcome is Outcome.NOTHING:
        return state
    if each.outcome is Outcome.NOT_FOUND:
        return state if not (target in state if each.kind == "restore" else live) else None
    if each.outcome is Outcome.CONFLICT:
        conflicts = {"create": live, "restore": target in state and holder not in {"", target}}
        return state if conflicts.get(each.kind, live and not expected) else None
    wrote = each.value if each.value in written else UNSEEN
    made = written.get(wrote, (each.value, ""))[0]
    found = (live and value == each.value, {})
    fits, change = {
        "create": (not live, {made: (wrote, True)}),
        "read": found,
        "find": found,
        "update": (live and expected, {target: (wrote, True)}),
        "delete": (live and expected, {target: (value, False)}),
        "restore": (target in state and holder in {"", target}, {target: (value, True)}),
    }[each.kind]
    return ({**state, **change} if change else state) if fits else None


def _seen(each: Operation) -> tuple[str, str]:
    return each.object, each.version
