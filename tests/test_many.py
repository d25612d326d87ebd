"""Many pieces of work in one request: each is done once, and others have their turn."""

import pytest

from sealring.fibers import LARGE_BYTES, current
from sealring.many import give_way, in_turns, paced, together
from support.loop import in_fiber, in_fibers, turn

SIZES = [10, LARGE_BYTES // 2, LARGE_BYTES // 2 - 10, 0, 1, 2 * LARGE_BYTES, 5]


def ways_to_work_on_many(done):
    """Each works on items that are their own sizes."""

    def some(sizes):
        done.extend(sizes)
        return sizes

    return {
        "some at once": lambda sizes: in_turns(sizes, sizes, some),
        "one by one": lambda sizes: [*paced(dict(enumerate(sizes)), lambda size: some([size])[0], 0, int).values()],
    }


@pytest.mark.parametrize("way", ["some at once", "one by one"])
def test_others_have_their_turn_between_parts_of_the_work(way):
    done, others = [], []

    def another():
        for _ in range(20):
            others.append(len(done))
            turn()

    in_fibers(lambda: ways_to_work_on_many(done)[way](SIZES), another)

    assert done == SIZES
    assert {4, 5}.issubset(others)
    assert {1, 2, 3}.isdisjoint(others)


def test_small_items_are_worked_on_as_many_at_once_as_their_weights_allow():
    done = []

    in_turns([0] * 10, [LARGE_BYTES // 4] * 10, lambda some: done.append(len(some)) or some)

    assert done == [4, 4, 2]


def test_a_large_item_is_worked_on_in_a_thread_and_by_itself():
    threads = {}

    def some(sizes):
        threads.update(dict.fromkeys(sizes, (len(sizes), current() is None)))
        return sizes

    assert in_fiber(lambda: in_turns(SIZES, SIZES, some)) == SIZES

    assert threads.pop(2 * LARGE_BYTES) == (1, True)
    assert {in_thread for _, in_thread in threads.values()} == {False}


def test_many_items_have_their_results_in_order_without_a_loop_too():
    assert in_turns(SIZES, SIZES, lambda some: [-size for size in some]) == [-size for size in SIZES]
    assert in_turns([], [], lambda some: some) == []


def test_a_thread_has_nobody_to_give_way_to():
    give_way()


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
