"""The limits of a batch: each item counts for its organization, and takes what that has left."""

import pytest

from admission.limits_kit import admitted, begun, by_organization
from sealring.admission.limits import Limiter, Rates
from sealring.admission.turns import Turns
from sealring.errors import RateLimited, TooManyRequests
from support.make import ACME, BETA, limiter, principal


def batches(limits, who, items, attempts):
    """How many batches of so many items pass, one after the other."""
    passed = 0
    for _ in range(attempts):
        try:
            turn = limits.enter(who)
            turn.count(items)
        except RateLimited:
            continue
        passed += 1
    return passed


@pytest.mark.parametrize(
    "limits",
    [
        {"rates": Rates(subject=50)},
        {"rates": Rates(environment=50)},
        {"limits_of": by_organization(org_acme=50)},
    ],
    ids=["subject", "environment", "organization"],
)
def test_a_batch_counts_as_so_many_requests(limits):
    limits = limiter(**limits)

    assert batches(limits, principal(ACME), 30, 3) == 3
    assert admitted(limits, principal(ACME), 100) == 10


def test_a_batch_of_a_noisy_subject_spends_nothing_of_its_organization():
    limits = limiter(rates=Rates(subject=10), limits_of=by_organization(org_acme=50))
    assert batches(limits, principal(ACME), 20, 10) == 1

    assert admitted(limits, principal(ACME, subject="bob"), 20) == 20
    assert admitted(limits, principal(ACME, subject="carol"), 20) == 20
    assert admitted(limits, principal(ACME, subject="dora"), 20) == 20


@pytest.mark.parametrize("who", [principal(), principal(ACME, BETA)], ids=["of all", "of two"])
def test_each_item_counts_for_its_organization(who):
    limits = limiter(limits_of=by_organization(org_acme=50, org_beta=50))
    turn = begun(limits, who)

    turn.items_for(ACME, 60)
    turn.items_for(ACME, 30)
    turn.items_for(BETA, 10)

    assert admitted(limits, principal(ACME), 100) == 10
    assert admitted(limits, principal(BETA), 100) == 90


def test_items_of_a_token_for_one_organization_are_counted_once():
    limits = limiter(limits_of=by_organization(org_acme=50))
    turn = begun(limits, principal(ACME))
    turn.count(90)

    turn.items_for(ACME, 90)

    assert admitted(limits, principal(ACME), 100) == 10


def test_items_over_the_rate_of_their_organization_are_refused():
    limits = limiter(limits_of=by_organization(org_acme=5))
    admitted(limits, principal(ACME), 10)

    with pytest.raises(RateLimited):
        begun(limits, principal()).items_for(ACME, 1)


def test_a_batch_gets_as_many_places_as_its_organization_has_left():
    limits = limiter(places=8, share=4)
    begun(limits, principal(BETA))
    turn = begun(limits, principal(ACME))

    assert turn.places(8) == 4
    assert turn.places(8) == 4
    with pytest.raises(TooManyRequests):
        begun(limits, principal(ACME))


def test_a_batch_without_a_further_place_has_its_own():
    limits = limiter(places=1, share=1)

    assert begun(limits, principal(ACME)).places(8) == 1


def test_a_batch_gets_no_more_places_than_it_wants():
    limits = limiter(places=8, share=8)
    turn = begun(limits, principal(ACME))

    assert (turn.places(3), turn.places(1), turn.places(2)) == (3, 1, 2)
    for _ in range(5):
        begun(limits, principal(ACME))


@pytest.mark.parametrize(
    "who", [principal(), principal(ACME, BETA), principal(ACME)], ids=["of all", "of two", "of one"]
)
def test_a_batch_gives_all_its_places_back(who):
    turns = Turns(20, share=20, alone=20)
    turn = begun(Limiter(Rates(), by_organization(), turns, workers=1), who)
    turn.places(4)
    turn.items_for(ACME, 3)
    turn.places(8)

    turn.leave()

    assert turns.busy == 0


def test_a_batch_in_a_thread_does_one_thing_at_a_time():
    assert limiter(early=True).enter(principal(ACME)).places(8) == 1
