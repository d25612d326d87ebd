"""Token buckets: what they admit, and that no number of keys gets around them."""

import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.admission.buckets import MAX_KEYS, SHARED, Buckets, quota_of
from support.clock import Clock


@pytest.fixture
def at():
    return Clock()


@pytest.fixture
def held(at):
    return Buckets(0.25, at)


def admitted(held, key, rate, attempts):
    return sum(held.take(key, rate) == 0 for _ in range(attempts))


def test_a_full_bucket_admits_two_seconds_of_its_rate(held):
    assert admitted(held, "a", 10, 100) == 20


def test_a_bucket_fills_at_its_rate(held, at):
    admitted(held, "a", 10, 100)
    at.now += 0.5

    assert admitted(held, "a", 10, 100) == 5


def test_a_bucket_is_never_more_than_full(held, at):
    admitted(held, "a", 10, 100)
    at.now += 3600

    assert admitted(held, "a", 10, 100) == 20


def test_a_refused_request_costs_nothing(held, at):
    admitted(held, "a", 10, 10_000)
    at.now += 0.1

    assert held.take("a", 10) == 0


def test_a_refusal_says_how_long_to_wait(held, at):
    admitted(held, "a", 10, 20)
    at.now += 0.04

    assert held.take("a", 10) == pytest.approx(0.06, abs=1e-6)


def test_each_key_has_a_bucket_of_its_own(held):
    admitted(held, "a", 10, 100)

    assert admitted(held, "b", 10, 100) == 20


def test_a_rate_below_one_in_two_seconds_admits_one_at_a_time(held, at):
    assert admitted(held, "a", 0.25, 10) == 1

    at.now += 3.9
    assert held.take("a", 0.25) == pytest.approx(0.1, abs=1e-6)

    at.now += 0.1
    assert admitted(held, "a", 0.25, 10) == 1


@given(
    rate=st.sampled_from([0.25, 1, 3, 10, 1000 / 3]),
    pauses=st.lists(st.floats(0, 5), max_size=60),
)
def test_no_pattern_of_requests_gets_more_than_the_rate_and_one_burst(rate, pauses):
    at = Clock()
    held, began, passed = Buckets(0.25, at), at.now, 0
    for pause in pauses:
        at.now += pause
        passed += admitted(held, "a", rate, 3)

    burst = max(1, rate * 2)
    assert passed <= (at.now - began) * rate + burst + 1e-3


def test_buckets_that_are_full_again_are_forgotten(held, at):
    for key in range(5000):
        held.take(("key", key), 10)
    for _ in range(2):
        at.now += 4
        held.take("a", 10)

    assert len(held) <= 2


def test_memory_is_bounded_whatever_keys_come(held, at):
    for generation in range(6):
        for key in range(3 * MAX_KEYS):
            held.take((generation % 2, key), 10)
        at.now += 4

    assert len(held) <= 4 * MAX_KEYS + 2 * SHARED


def test_made_up_keys_do_not_refill_a_bucket_that_was_used_up(held, at):
    admitted(held, "victim", 0.25, 1)
    for key in range(4 * MAX_KEYS):
        held.take(("made up", key), 0.25)
    at.now += 3.99
    for key in range(4 * MAX_KEYS):
        held.take(("more", key), 0.25)

    assert held.take("victim", 0.25) > 0


def test_a_bucket_outlives_the_generation_in_which_it_was_emptied(held, at):
    at.now += 3.9
    admitted(held, "a", 0.25, 1)
    at.now += 0.2  # the next generation

    assert held.take("a", 0.25) == pytest.approx(3.8)


def test_a_bucket_of_an_earlier_generation_is_not_left_for_a_shared_one(held, at):
    at.now += 3.9
    admitted(held, "a", 0.25, 1)
    at.now += 0.2
    made_up = iter(range(4 * MAX_KEYS))
    while len(held) < 2 * MAX_KEYS:  # no shared one is used yet
        held.take(("made up", next(made_up)), 0.25)

    assert held.take("a", 0.25) == pytest.approx(3.8)


def test_a_batch_takes_as_many_as_it_has_items(held):
    held.take("a", 10)
    held.take_more("a", 10, 14)

    assert admitted(held, "a", 10, 100) == 5


def test_a_batch_for_which_too_few_are_left_takes_nothing(held, at):
    admitted(held, "a", 10, 10)

    assert held.take_more("a", 10, 11) == pytest.approx(0.1)
    assert admitted(held, "a", 10, 100) == 10


def test_a_batch_of_more_than_a_full_bucket_waits_for_one_that_is_full(held, at):
    admitted(held, "a", 10, 2)
    assert held.take_more("a", 10, 100) == pytest.approx(0.1)

    at.now += 0.1

    assert held.take_more("a", 10, 100) == 0


@pytest.mark.parametrize(("rate", "items"), [(10, 100), (0.25, 10), (1000, 10_000)])
def test_what_a_batch_owes_is_paid_before_anything_else_is_admitted(held, at, rate, items):
    """However many generations that takes, and whoever else comes meanwhile."""
    held.take("a", rate)
    assert held.take_more("a", rate, items - 1) == 0
    paid_s = items / rate - max(2, 1 / rate)  # then one more request has room

    for part in range(10):
        assert held.take("a", rate) > 0, part
        held.take(("another", part), rate)
        at.now += paid_s / 10
    at.now += 1 / rate

    assert held.take("a", rate) == 0


def test_what_was_paid_is_forgotten(held, at):
    held.take("a", 10)
    held.take_more("a", 10, 500)
    for _ in range(40):
        at.now += 4
        held.take("b", 10)

    assert len(held) <= 2
    assert admitted(held, "a", 10, 100) == 20


def test_keys_without_room_are_limited_together_and_never_let_in_freely(held):
    for key in range(2 * MAX_KEYS):
        held.take(("made up", key), 0.25)

    beyond = sum(held.take(("beyond", key), 0.25) == 0 for key in range(10_000))

    assert 0 < beyond <= SHARED


def test_threads_together_get_no_more_than_the_bucket_holds(at):
    held, passed = Buckets(1, at), []
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: passed.append(admitted(held, "a", 500, 2000))) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        sys.setswitchinterval(before)

    assert sum(passed) == 1000


@pytest.mark.parametrize(("rate", "told"), [(10, (20, 2)), (0.25, (1, 4)), (0.4, (1, 3)), (1000 / 3, (666, 2))])
def test_a_policy_is_a_full_bucket_and_the_time_to_fill_it(rate, told):
    assert quota_of(rate) == told
