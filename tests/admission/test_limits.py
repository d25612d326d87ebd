"""The limits of a request: whose they are, and that nobody can spend those of another."""

import pytest

from admission.limits_kit import admitted, begun, by_organization
from sealring.admission.limits import Limiter, Rates
from sealring.admission.turns import Turns
from sealring.errors import Overloaded, RateLimited, TooManyRequests
from support.make import ACME, BETA, EVERYTHING, OTHER_ENVIRONMENT, limiter, principal


def test_nothing_is_refused_if_no_limit_is_stated():
    assert admitted(limiter(), principal(ACME), 5000) == 5000


def test_a_subject_has_its_rate():
    limits = limiter(rates=Rates(subject=5))

    assert admitted(limits, principal(ACME), 100) == 10
    assert admitted(limits, principal(ACME, subject="bob"), 100) == 10


def test_the_same_subject_of_another_environment_is_another_one():
    limits = limiter(rates=Rates(subject=5))
    admitted(limits, principal(ACME), 100)

    assert admitted(limits, principal(ACME, environment=OTHER_ENVIRONMENT), 100) == 10


def test_an_environment_has_its_rate_whoever_asks():
    limits = limiter(rates=Rates(environment=5))

    assert admitted(limits, principal(ACME), 6) + admitted(limits, principal(BETA, subject="bob"), 100) == 10
    assert admitted(limits, principal(ACME, environment=OTHER_ENVIRONMENT), 100) == 10


def test_an_organization_has_its_rate_whoever_asks_for_it():
    limits = limiter(limits_of=by_organization(org_acme=5, org_beta=5))

    assert admitted(limits, principal(ACME), 6) + admitted(limits, principal(ACME, subject="bob"), 100) == 10
    assert admitted(limits, principal(BETA), 100) == 10


def test_the_same_organization_of_another_environment_has_its_own_rate():
    limits = limiter(limits_of=by_organization(org_acme=5))
    admitted(limits, principal(ACME), 100)

    assert admitted(limits, principal(ACME, environment=OTHER_ENVIRONMENT), 100) == 10


def test_a_token_for_all_that_also_names_one_counts_only_for_the_one_that_it_acts_for():
    limits = limiter(limits_of=by_organization(org_acme=5, org_beta=5))
    for _ in range(10):
        turn = limits.enter(principal(ACME, permissions=EVERYTHING))
        turn.acts_for(BETA)
        turn.leave()

    assert admitted(limits, principal(ACME), 100) == 10
    assert admitted(limits, principal(BETA), 100) == 0


def test_a_token_for_several_has_the_rate_of_the_largest_whomever_it_acts_for():
    limits = limiter(limits_of=by_organization(org_acme=5, org_beta=10))

    assert admitted(limits, principal(ACME, BETA), 100) == 20
    assert admitted(limits, principal(ACME, BETA, subject="bob"), 100) == 0
    assert admitted(limits, principal(ACME), 100) == 10


def test_a_token_for_several_of_which_one_has_no_rate_has_none():
    limits = limiter(limits_of=by_organization(org_acme=5))

    assert admitted(limits, principal(ACME, BETA), 100) == 100


def test_a_token_for_several_has_the_share_of_one():
    limits = limiter(places=8, share=4)
    begun(limits, principal("org_other"))
    for _ in range(4):
        begun(limits, principal(ACME, BETA))

    with pytest.raises(TooManyRequests):
        begun(limits, principal(ACME, BETA, subject="bob"))


def test_each_worker_has_its_part_of_a_rate():
    limits = limiter(rates=Rates(subject=20), workers=4)

    assert admitted(limits, principal(ACME), 100) == 10


def test_a_part_of_less_than_one_request_still_admits_one():
    limits = limiter(rates=Rates(subject=1), workers=64)

    assert admitted(limits, principal(ACME), 100) == 1


def test_a_noisy_organization_spends_no_more_of_its_environment_than_its_own_rate():
    limits = limiter(rates=Rates(environment=20), limits_of=by_organization(org_acme=5))

    assert admitted(limits, principal(ACME), 1000) == 10
    assert admitted(limits, principal(BETA), 1000) == 30


def test_a_noisy_subject_spends_no_more_of_its_organization_than_its_own_rate():
    limits = limiter(rates=Rates(subject=5), limits_of=by_organization(org_acme=20))

    assert admitted(limits, principal(ACME), 1000) == 10
    assert admitted(limits, principal(ACME, subject="bob"), 1000) == 10


@pytest.mark.parametrize("who", [principal(), principal(ACME, BETA)], ids=["of all", "of two"])
def test_a_request_for_several_organizations_counts_for_the_one_that_it_acts_for(who):
    limits = limiter(limits_of=by_organization(org_acme=5))

    def acts(org):
        turn = begun(limits, who)
        try:
            turn.acts_for(org)
        finally:
            turn.leave()

    for _ in range(10):
        acts(ACME)
    with pytest.raises(RateLimited):
        acts(ACME)
    acts(BETA)


def test_a_request_counts_once_for_an_organization_however_often_it_says_so():
    limits = limiter(limits_of=by_organization(org_acme=5))
    turn = begun(limits, principal())

    for _ in range(1000):
        turn.acts_for(ACME)


def test_a_request_of_one_organization_is_not_counted_again_when_it_acts():
    limits = limiter(limits_of=by_organization(org_acme=5))

    for _ in range(10):
        turn = begun(limits, principal(ACME))
        turn.acts_for(ACME)
        turn.leave()


def test_a_refusal_tells_whose_rate_it_is_and_what_the_worker_admits():
    limits = limiter(rates=Rates(subject=20), workers=4)
    admitted(limits, principal(ACME), 100)

    with pytest.raises(RateLimited) as refused:
        begun(limits, principal(ACME))

    assert (refused.value.whose, refused.value.quota, refused.value.window_s) == ("subject", 10, 2)
    assert refused.value.retry_after_s == pytest.approx(0.2)


def test_an_organization_has_no_more_than_its_share_of_the_turns():
    limits = limiter(places=4, share=2)
    other = begun(limits, principal(BETA))
    turns = [begun(limits, principal(ACME)) for _ in range(2)]

    with pytest.raises(TooManyRequests):
        begun(limits, principal(ACME))

    for turn in (*turns, other):
        turn.leave()
    begun(limits, principal(ACME))


def test_a_request_for_several_organizations_takes_its_place_of_the_share_of_the_one_it_acts_for():
    limits = limiter(places=4, share=2)
    begun(limits, principal(BETA))
    for _ in range(2):
        begun(limits, principal(ACME))
    turn = begun(limits, principal())

    with pytest.raises(TooManyRequests):
        turn.acts_for(ACME)
    turn.leave()

    begun(limits, principal()).acts_for(BETA)


def test_a_turn_that_was_refused_an_organization_gives_one_place_back():
    turns = Turns(4, share=2, alone=4)
    limits = Limiter(Rates(), by_organization(org_acme=1), turns, workers=1)
    admitted(limits, principal(ACME), 10)
    turn = begun(limits, principal())
    with pytest.raises(RateLimited):
        turn.acts_for(ACME)

    turn.leave()

    assert turns.busy == 0


def test_each_refusal_is_observed_by_a_word():
    words = []
    limits = limiter(
        rates=Rates(subject=2, environment=3), limits_of=by_organization(org_beta=1), places=1, observe=words.append
    )
    admitted(limits, principal(ACME), 5)
    admitted(limits, principal(BETA, subject="bob"), 3)
    admitted(limits, principal(subject="carol"), 1)
    assert words == ["subject", "organization", "environment"]

    busy = limiter(places=3, share=1, observe=words.append)
    begun(busy, principal(BETA))
    begun(busy, principal(ACME))
    with pytest.raises(TooManyRequests):
        begun(busy, principal(ACME))
    begun(busy, principal())
    with pytest.raises(Overloaded):
        begun(busy, principal(BETA))
    assert words[3:] == ["share", "overloaded"]


def test_a_request_that_is_still_arriving_takes_no_place():
    limits = limiter(places=1, share=1)

    arriving = [limits.enter(principal(ACME)) for _ in range(5)]
    turn = begun(limits, principal(BETA))

    with pytest.raises(Overloaded):
        arriving[0].begin()
    turn.leave()
    arriving[0].begin()
    for each in arriving:
        each.leave()


def test_where_a_thread_waits_for_a_request_that_takes_a_place_at_once():
    limits = limiter(places=1, share=1, early=True)
    turn = limits.enter(principal(ACME))

    with pytest.raises(Overloaded):
        limits.enter(principal(BETA))
    turn.begin()
    turn.leave()
    limits.enter(principal(BETA)).leave()
