"""Turns: one organization takes no more than its share, except while nobody else is about."""

import pytest

from sealring.admission.turns import ABOUT_S, Turns
from sealring.errors import Overloaded, TooManyRequests
from support.clock import Clock
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT

MINE, THEIRS = (ENVIRONMENT, ACME), (ENVIRONMENT, BETA)


@pytest.fixture
def at():
    return Clock()


@pytest.fixture
def turns(at):
    return Turns(8, share=6, alone=8, clock=at)


def taken(turns, owner, wanted):
    """How many of the wanted places the owner gets."""
    for number in range(wanted):
        try:
            turns.enter(owner)
        except TooManyRequests:
            return number
    return wanted


def test_an_organization_that_is_alone_may_have_every_place(turns):
    assert taken(turns, MINE, 8) == 8


def test_an_organization_beside_another_has_no_more_than_its_share(turns):
    turns.enter(THEIRS)

    assert taken(turns, MINE, 8) == 6


def test_an_organization_whose_neighbour_just_left_keeps_to_its_share(turns, at):
    turns.enter(THEIRS)
    turns.leave(THEIRS)
    at.now += ABOUT_S - 1

    assert taken(turns, MINE, 8) == 6


def test_a_neighbour_who_stays_away_is_forgotten(turns, at):
    turns.enter(THEIRS)
    turns.leave(THEIRS)
    turns.enter(MINE)
    at.now += ABOUT_S + 1

    assert taken(turns, MINE, 7) == 7


def test_a_neighbour_who_left_long_before_one_comes_is_forgotten_by_then(turns, at):
    turns.enter(THEIRS)
    turns.leave(THEIRS)
    at.now += ABOUT_S + 1

    assert taken(turns, MINE, 8) == 8


def test_one_that_is_refused_because_all_is_taken_counts_as_a_neighbour(turns):
    assert taken(turns, MINE, 8) == 8
    with pytest.raises(Overloaded):
        turns.enter(THEIRS)
    for _ in range(3):
        turns.leave(MINE)

    assert taken(turns, MINE, 3) == 1


def test_a_neighbour_whose_request_lasts_is_not_forgotten(turns, at):
    turns.enter(THEIRS)
    turns.enter(MINE)
    at.now += 10 * ABOUT_S

    assert taken(turns, MINE, 7) == 5


def test_places_that_an_organization_took_alone_count_when_another_comes(turns):
    assert taken(turns, MINE, 7) == 7

    turns.enter(THEIRS)
    turns.leave(MINE)

    assert taken(turns, MINE, 1) == 0


def test_the_same_organization_of_another_environment_is_another_one(turns):
    turns.enter((OTHER_ENVIRONMENT, ACME))

    assert taken(turns, MINE, 8) == 6


def test_nobody_is_let_in_when_every_place_is_taken(turns):
    taken(turns, MINE, 8)

    with pytest.raises(Overloaded):
        turns.enter(THEIRS)
    assert turns.busy == 8


def test_a_place_that_is_given_back_is_free(turns):
    taken(turns, MINE, 8)
    turns.leave(MINE)

    turns.enter(MINE)


def test_a_refused_request_takes_no_place(turns):
    turns.enter(THEIRS)
    taken(turns, MINE, 8)

    assert turns.busy == 7
    turns.leave(MINE)
    assert taken(turns, MINE, 2) == 1


def test_a_place_without_an_organization_counts_once_it_has_one(turns):
    turns.enter(THEIRS)
    taken(turns, MINE, 6)
    turns.enter(None)

    with pytest.raises(TooManyRequests):
        turns.claim(MINE)
    turns.claim(THEIRS)
    turns.leave(THEIRS)
    turns.leave(THEIRS)

    assert turns.busy == 6


def test_an_organization_alone_may_be_held_to_less_than_every_place(at):
    turns = Turns(8, share=4, alone=5, clock=at)

    assert taken(turns, MINE, 8) == 5
