"""Bindings of three organizations change at random on two servers, while readers, writers and data keys go on.

Attacks all that docs/byok.md promises of bindings at once: each answer has to be one that was allowed at some moment
between its request and its arrival, and nobody is turned away because of what others change.
"""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from adversary.history import State
from adversary.siege import Outcome, Siege, siege_of

NORMAL_S = 10
TORTURE_S = 600

ANSWERS = st.sampled_from([0, 1, 5, 20])  # to others, that come before the next change
PICK = st.integers(0, 11)


class Changes(RuleBasedStateMachine):
    """Which changes are made, and in which order. Each example goes on where the one before it left off."""

    def __init__(self, siege: Siege) -> None:
        super().__init__()
        self._siege = siege

    @rule(org=st.integers(0, 2), match=st.sampled_from(["all", "card"]), answers=ANSWERS)
    def bind(self, org: int, match: str, answers: int) -> None:
        if not self._siege.is_over:
            self._siege.bind(self._siege.tenants[org], card=match == "card", answers=answers)

    @rule(pick=PICK, answers=ANSWERS)
    def suspend(self, pick: int, answers: int) -> None:
        for binding in self._one_of(pick, State.ACTIVE):
            self._siege.turn(binding, "suspend", answers)

    @rule(pick=PICK, answers=ANSWERS)
    def activate(self, pick: int, answers: int) -> None:
        for binding in self._one_of(pick, State.SUSPENDED):
            self._siege.turn(binding, "activate", answers)

    @rule(pick=PICK, answers=ANSWERS)
    def retire(self, pick: int, answers: int) -> None:
        for binding in self._one_of(pick, State.ACTIVE, State.SUSPENDED):
            self._siege.turn(binding, "retire", answers)

    @rule(pick=PICK, answers=ANSWERS)
    def replace(self, pick: int, answers: int) -> None:
        for binding in self._one_of(pick, State.ACTIVE, State.SUSPENDED):
            self._siege.replace(binding, other_key=True, answers=answers)

    @rule(pick=PICK, answers=ANSWERS)
    def rotate(self, pick: int, answers: int) -> None:
        """Another binding of the same key takes the place of the old one."""
        for binding in self._one_of(pick, State.ACTIVE, State.SUSPENDED):
            self._siege.replace(binding, other_key=False, answers=answers)

    @rule(on=st.sampled_from(["begin", "leave off"]))
    def offers(self, on: str) -> None:
        if not self._siege.is_over:
            self._siege.make_offers() if on == "begin" else self._siege.leave_off()

    def _one_of(self, pick: int, *states: State) -> list[str]:
        """A binding in one of these states; none where there is none, or the time is over."""
        by_id = self._siege.history.bindings.by_id
        found = [name for name, each in by_id.items() if each.state in states]
        return [] if self._siege.is_over or not found else [found[pick % len(found)]]


def besieged(servers, seconds):
    """Lay one siege after the other for so long, or until a promise is broken."""
    outcome = Outcome(seconds)
    at_random = settings(
        max_examples=40,  # of 20 steps: more than a siege has time for
        stateful_step_count=20,
        phases=[Phase.generate],  # what threads do cannot be shrunk: the history tells what happened
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    while outcome.left_s > 0 and not outcome.violations:
        with siege_of((servers.one, servers.other), outcome) as siege:
            run_state_machine_as_test(lambda siege=siege: Changes(siege), settings=at_random)
    return outcome


def held(outcome):
    assert outcome.violations == [], str(outcome)
    assert outcome.share_of(503) < 0.01, str(outcome)
    assert outcome.share_of(429) < 0.1, str(outcome)
    assert outcome.slowest_s < 10, str(outcome)


def test_every_answer_was_allowed_at_some_moment_between_its_request_and_its_arrival(servers):
    held(besieged(servers, NORMAL_S))


@pytest.mark.torture
@pytest.mark.timeout(2 * TORTURE_S)
def test_every_answer_was_allowed_for_ten_minutes(servers, capsys):
    outcome = besieged(servers, TORTURE_S)

    with capsys.disabled():
        print(f"\n{outcome}")  # noqa: T201
    held(outcome)
