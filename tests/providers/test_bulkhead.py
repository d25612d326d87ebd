"""The bulkhead by itself: how places are divided, and when they come back."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.errors import KeyThrottled
from sealring.providers.bulkhead import MAX_CALLS, Bulkhead
from sealring.shares import Shares

ACME, BETA, GAMMA = ("env", "org_acme"), ("env", "org_beta"), ("env", "org_gamma")


def taken_by(shares, owner):
    """Take one after the other until no more are given; how many were."""
    count = 0
    while shares.take(owner):
        count += 1
    return count


def test_one_owner_alone_gets_half():
    assert taken_by(Shares(16), ACME) == 8


def test_each_further_owner_gets_half_of_what_is_free():
    shares = Shares(16)

    assert [taken_by(shares, owner) for owner in (ACME, BETA, GAMMA)] == [8, 4, 2]


def test_owners_that_ask_again_and_again_come_to_equal_shares():
    shares = Shares(16)
    for owner in (ACME, BETA, GAMMA):
        taken_by(shares, owner)

    for _ in range(16):  # one ends, and all ask again
        for owner in (ACME, BETA, GAMMA):
            shares.give_back(owner)
            for other in (GAMMA, BETA, ACME):
                shares.take(other)

    for owner in (ACME, BETA, GAMMA):
        for _ in range(4):
            shares.give_back(owner)
    assert taken_by(shares, ("env", "org_delta")) >= 6


def test_the_same_organization_of_another_environment_is_another_owner():
    shares = Shares(16)
    taken_by(shares, ("env", "org_acme"))

    assert shares.take(("another", "org_acme"))


def test_all_that_are_wanted_are_taken_or_none():
    shares = Shares(16)

    assert not shares.take(ACME, 9)
    assert shares.take(ACME, 8)
    assert not shares.take(BETA, 5)
    assert shares.take(BETA, 4)


def test_what_was_given_back_can_be_taken():
    shares = Shares(4)
    assert taken_by(shares, ACME) == 2

    shares.give_back(ACME)

    assert taken_by(shares, ACME) == 1


def test_owners_that_have_nothing_are_forgotten():
    shares = Shares(4)
    for number in range(100):
        owner = ("env", f"org_{number}")
        shares.take(owner)
        shares.give_back(owner)

    assert shares._taken == {}


@given(st.integers(2, 40), st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 17)), max_size=80))
def test_whatever_is_taken_nobody_has_more_than_is_free_and_something_is(places, steps):
    shares, taken = Shares(places), dict.fromkeys("abcde", 0)
    for name, wanted in steps:
        if wanted == 0:
            if taken[name]:
                shares.give_back(("env", name))
                taken[name] -= 1
        elif shares.take(("env", name), wanted):
            taken[name] += wanted
            free = places - sum(taken.values())
            assert taken[name] <= free
    assert places - sum(taken.values()) >= 1


def test_a_thread_that_has_a_place_needs_no_second_one():
    bulkhead = Bulkhead(2)

    with bulkhead.place(ACME), bulkhead.place(ACME), bulkhead.place(BETA):
        pass
    with bulkhead.place(ACME):
        pass


def test_a_thread_that_had_a_place_needs_another_one_the_next_time():
    bulkhead, refused = Bulkhead(2), []
    with bulkhead.place(ACME):
        pass

    def other():
        with pytest.raises(KeyThrottled):
            bulkhead.place(ACME).__enter__()
        refused.append(True)

    with bulkhead.place(ACME):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    assert refused == [True]


def test_another_thread_needs_a_place_of_its_own():
    bulkhead, refused = Bulkhead(2), []

    def other():
        with pytest.raises(KeyThrottled):
            bulkhead.place(ACME).__enter__()
        refused.append(True)

    with bulkhead.place(ACME):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    assert refused == [True]


def test_a_place_comes_back_when_what_it_was_for_fails():
    bulkhead = Bulkhead(2)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), bulkhead.place(ACME):
            raise ZeroDivisionError

    with bulkhead.place(ACME):
        pass


def test_a_worker_of_one_thread_may_wait():
    with Bulkhead(1).place(ACME):
        pass


def test_a_thread_beside_the_requests_takes_no_place_of_theirs():
    bulkhead, began, over = Bulkhead(2), threading.Event(), threading.Event()

    def housekeeping():
        with bulkhead.beside_requests(), bulkhead.place(ACME):
            began.set()
            over.wait(10)

    thread = threading.Thread(target=housekeeping)
    thread.start()
    assert began.wait(10)
    with bulkhead.place(ACME):
        over.set()
    thread.join()


def test_half_of_the_calls_are_four_requests_under_as_many_keys_as_an_envelope_has():
    bulkhead = Bulkhead(16)

    for _ in range(4):
        bulkhead.enter(ACME, 16)

    with pytest.raises(KeyThrottled):
        bulkhead.enter(ACME, 1)
    for _ in range(64):
        bulkhead.leave(ACME)
    bulkhead.enter(ACME, MAX_CALLS // 2)
