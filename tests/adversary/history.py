"""What was allowed, and when: the states that bindings were in, and the answers that have to fit one of them.

Nobody outside knows the moment at which a change took effect, only that it lies between its request and its answer. A
state was therefore possible from the request that made it to the answer to the change after it; an answer is right if
one state that was possible at some moment between its own request and its arrival allows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from operator import itemgetter
from threading import Lock

OURS = "ours"  # a key of ours, where no binding matches


def short(key: str) -> str:
    """The end of an id: the ids of one organization begin alike."""
    return key[-6:]


class State(Enum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"
    SHUT = "retired while it was suspended"


@dataclass(frozen=True)
class Binding:
    org: str
    card: bool  # it matches the contexts of cards alone; else all contexts of the organization
    state: State

    @property
    def kind(self) -> str:
        return "for cards" if self.card else "for all"

    @property
    def guards(self) -> bool:
        return self.state in {State.ACTIVE, State.SUSPENDED}

    @property
    def opens(self) -> bool:
        return self.state in {State.ACTIVE, State.RETIRED}


@dataclass(frozen=True)
class Bindings:
    """All bindings at one moment, by id. A key that is none of theirs is one of ours."""

    by_id: Mapping[str, Binding] = field(default_factory=dict)

    def with_these(self, changed: Mapping[str, Binding]) -> Bindings:
        return Bindings({**self.by_id, **changed})

    def in_state(self, binding: str, state: State) -> Bindings:
        return self.with_these({binding: replace(self.by_id[binding], state=state)})

    def of(self, orgs: tuple[str, ...]) -> frozenset[tuple[str, Binding]]:
        return frozenset(item for item in self.by_id.items() if item[1].org in orgs)

    def guards(self, org: str, *, card: bool) -> dict[str, Binding]:
        """Those that guard a context."""
        return {
            name: each for name, each in self.by_id.items() if each.org == org and each.guards and each.card <= card
        }

    def seals(self, org: str, *, card: bool) -> frozenset[str] | None:
        """The keys that a context is sealed under; None: it is refused."""
        guards = self.guards(org, card=card)
        if any(not each.opens for each in guards.values()):
            return None
        return frozenset(guards) or frozenset({OURS})

    def opens(self, keys: frozenset[str]) -> bool:
        """Whether what is sealed under all these keys opens."""
        return all(key == OURS or (key in self.by_id and self.by_id[key].opens) for key in keys)

    def shuts_something(self, org: str) -> bool:
        return any(not each.opens for each in self.by_id.values() if each.org == org)


Allows = Callable[[Bindings], bool]


@dataclass(frozen=True)
class Answer:
    """What somebody was answered, and what allows it."""

    what: str
    orgs: tuple[str, ...]  # that it touches
    began: float
    ended: float
    status: int
    allowed: Allows = field(repr=False)
    contended: bool = False  # nothing was answered: somebody changed what it depends on, again and again


@dataclass(frozen=True)
class _Period:
    began: float
    ended: float
    bindings: Bindings


class History:
    """Thread-safe. Changes are told one after the other; answers by whoever gets one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._periods = [_Period(float("-inf"), float("inf"), Bindings())]
        self.answers: list[Answer] = []
        self.changes = 0

    @property
    def bindings(self) -> Bindings:
        """As they are since the last change."""
        return self._periods[-1].bindings

    def changed(self, began: float, ended: float, bindings: Bindings) -> None:
        """A change was asked for at `began` and answered at `ended`."""
        last = self._periods[-1]
        self._periods[-1] = replace(last, ended=ended)
        self._periods.append(_Period(began, float("inf"), bindings))
        self.changes += 1

    def answered(self, answer: Answer) -> None:
        with self._lock:
            self.answers.append(answer)

    def violations(self) -> list[str]:
        """The answers that no state allows, each with the states that were possible."""
        return [self._story(answer) for answer in self.answers if not self._is_allowed(answer)]

    def _possible(self, answer: Answer) -> list[_Period]:
        return [each for each in self._periods if each.began <= answer.ended and each.ended >= answer.began]

    def _is_allowed(self, answer: Answer) -> bool:
        possible = [period.bindings for period in self._possible(answer)]
        if answer.contended:  # by their own, and by nobody else
            return len({each.of(answer.orgs) for each in possible}) > 1
        return any(answer.allowed(each) for each in possible)

    def _story(self, answer: Answer) -> str:
        possible = self._possible(answer)
        since, took = answer.began - possible[0].began, answer.ended - answer.began
        states = dict.fromkeys(_shown(each, answer.orgs) for each in possible)
        asked = f"asked {since:.3f} s after the last change before it was asked for, answered {took:.3f} s later"
        return f"{answer.what} → {answer.status}, {asked}; {' or '.join(states)}"


def _shown(period: _Period, orgs: tuple[str, ...]) -> str:
    """The bindings of these organizations, but for those that are retired and open."""
    known = [item for item in period.bindings.of(orgs) if item[1].state is not State.RETIRED]
    return str(
        [
            f"{short(name)} of {each.org} {each.kind} is {each.state.value}"
            for name, each in sorted(known, key=itemgetter(0))
        ]
    )
