"""FairQueue: who is next, by a clock that stands still."""

import pytest

from sealring.services.fair_queue import FairQueue
from support.clock import Clock
from support.make import ENVIRONMENT

A, B, C = ((ENVIRONMENT, f"org_{name}") for name in "abc")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def turns(clock):
    return FairQueue(clock)


def add(turns, *owners, older_than_s=600):
    for owner in owners:
        turns.add(owner, older_than_s=older_than_s, within_s=600)


def order(turns, most=20, *, more=False):
    """Who has a turn after the other."""
    owners = []
    while len(owners) < most and (turn := turns.begin(0)):
        owners.append(turn.owner)
        turns.end(turn, more=more)
    return owners


def test_whoever_waits_longest_is_next(turns):
    add(turns, B, A, C)

    assert order(turns) == [B, A, C]


def test_whoever_has_more_comes_after_all_others(turns):
    add(turns, A, B, C)

    assert order(turns, 7, more=True) == [A, B, C, A, B, C, A]


def test_nobody_waits_twice(turns):
    add(turns, A, B, A)

    assert order(turns) == [A, B]


def test_of_two_turns_the_one_that_asks_more_counts_in_the_place_of_the_first(turns):
    add(turns, A, B)
    add(turns, A, older_than_s=10)
    add(turns, A)

    turn = turns.begin(0)

    assert (turn.owner, turn.older_than_s) == (A, 10)


def test_nobody_has_two_turns_at_the_same_time(turns):
    add(turns, A)
    under_way = turns.begin(0)
    add(turns, A, older_than_s=10)

    assert turns.begin(0) is None
    turns.end(under_way, more=True)
    assert turns.begin(0).older_than_s == 10
    assert turns.begin(0) is None


def test_a_turn_has_an_end(turns, clock):
    add(turns, A)
    turn = turns.begin(0)
    clock.now += 600
    turns.end(turn, more=True)

    assert turns.begin(0) is None


def test_the_turns_of_one_kind_can_be_dropped(turns):
    add(turns, A, B)
    add(turns, B, older_than_s=10)

    turns.drop(600)

    assert order(turns) == [B]
