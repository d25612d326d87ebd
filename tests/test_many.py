"""Many pieces of work in one request: each is done once, and others have their turn."""

import pytest

from sealring.fibers import LARGE_BYTES
from sealring.many import Pace, give_way, together
from support.loop import in_fiber, in_fibers, turn


def test_others_have_their_turn_between_slices():
    order = []

    def many():
        pace = Pace()
        for number in range(6):
            order.append(str(number))
            pace.after(LARGE_BYTES // 2)

    in_fibers(many, lambda: order.append("another"))

    assert order == ["0", "1", "2", "another", "3", "4", "5"]


def test_a_thread_has_nobody_to_give_way_to():
    give_way()

    Pace().after(2 * LARGE_BYTES)


@pytest.mark.parametrize("at_once", [1, 2, 3, 10, 100])
def test_outcomes_come_in_the_order_of_the_works(at_once):
    def work(number):
        for _ in range(10 - number):
            turn()
        return number

    def many():
        return [each.get() for each in together([lambda number=number: work(number) for number in range(10)], at_once)]

    assert in_fiber(many) == list(range(10))


@pytest.mark.parametrize("at_once", [1, 3, 7])
def test_no_more_works_are_under_way_than_may_be(at_once):
    under_way, most = [0], [0]

    def work():
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        turn()
        under_way[0] -= 1

    in_fiber(lambda: together([work] * 20, at_once))

    assert (most, under_way) == ([at_once], [0])


def test_the_failure_of_a_work_is_its_own_outcome():
    def fails():
        turn()
        raise KeyError("it")

    def many():
        return together([turn, fails, lambda: "done"], 2)

    first, second, third = in_fiber(many)
    assert (first.failure, type(second.failure), third.get()) == (None, KeyError, "done")


def test_nothing_to_do_is_done():
    assert in_fiber(lambda: together([], 8)) == []


def test_a_thread_does_one_work_after_the_other():
    order = []

    outcomes = together([lambda number=number: order.append(number) or number for number in range(5)], 3)

    assert order == [each.get() for each in outcomes] == [0, 1, 2, 3, 4]
