"""Fibers: what suspends one never holds up another, and none sees anything of another."""

import asyncio
import contextvars
import threading
import time
import weakref

import pytest

from sealring import fibers
from sealring.fibers import LARGE_BYTES, Fibers, Joined, Lane, Turns
from support.loop import in_fiber, in_fibers, turn


def test_work_aside_runs_in_a_thread_while_other_fibers_go_on():
    may_end, order = threading.Event(), []

    def blocks():
        order.append(fibers.aside(lambda: may_end.wait(10), Lane.STORE))

    def goes_on():
        order.append("another")
        may_end.set()

    in_fibers(blocks, goes_on)

    assert order == ["another", True]


def test_work_aside_raises_what_it_raises():
    def fails():
        raise KeyError("it")

    with pytest.raises(KeyError, match="it"):
        in_fiber(lambda: fibers.aside(fails, Lane.TOKENS))


def test_a_lane_that_is_full_holds_up_no_other_lane():
    may_end = threading.Event()

    def full():
        return fibers.aside(lambda: may_end.wait(10), Lane.TOKENS)

    def another_lane():
        fibers.aside(may_end.set, Lane.STORE)

    outcomes = in_fibers(*[full] * (2 * Lane.TOKENS.threads), another_lane)

    assert [each.get() for each in outcomes[:-1]] == [True] * 2 * Lane.TOKENS.threads


def test_a_pause_holds_up_no_other_fiber():
    order = []

    def pauses():
        fibers.pause(0.05)
        order.append("paused")

    in_fibers(pauses, lambda: order.append("another"))

    assert order == ["another", "paused"]


def test_a_thread_waits_itself():
    assert fibers.current() is None
    assert fibers.aside(threading.get_ident, Lane.STORE) == threading.get_ident()
    assert fibers.heavy(threading.get_ident, 10 * LARGE_BYTES) == threading.get_ident()


@pytest.mark.parametrize(("size", "elsewhere"), [(LARGE_BYTES, False), (LARGE_BYTES + 1, True)])
def test_only_large_work_leaves_the_loop(size, elsewhere):
    def work():
        return fibers.heavy(threading.get_ident, size) != threading.get_ident()

    assert in_fiber(work) is elsewhere


def test_who_asks_while_a_call_is_under_way_gets_its_outcome_and_who_asks_later_another():
    calls = []

    def call():
        calls.append(len(calls))
        turn()
        return calls[-1]

    joined = Joined(call)

    assert [each.get() for each in in_fibers(*[joined.get] * 3)] == [0, 0, 0]
    assert in_fiber(joined.get) == 1


def test_all_who_join_a_call_get_its_failure():
    def call():
        turn()
        raise ValueError("it")

    joined = Joined(call)

    for outcome in in_fibers(*[joined.get] * 3):
        with pytest.raises(ValueError, match="it"):
            outcome.get()


def test_no_more_than_so_many_have_a_turn_and_who_came_first_is_first():
    turns, having, order = Turns(2), [], []

    def work(number):
        with turns.taken(10):
            having.append(number)
            assert len(having) <= 2
            order.append(number)
            turn()
            having.remove(number)

    for outcome in in_fibers(*(lambda number=number: work(number) for number in range(7))):
        outcome.get()
    assert order == [0, 1, 2, 3, 4, 5, 6]


def test_a_turn_ends_with_its_failure():
    turns = Turns(1)

    def fails():
        with turns.taken(10):
            turn()
            raise ValueError("it")

    def works():
        with turns.taken(10):
            return "done"

    failed, done = in_fibers(fails, works)

    with pytest.raises(ValueError, match="it"):
        failed.get()
    assert done.get() == "done"


def test_a_turn_that_does_not_come_in_time_is_given_up_and_lost_to_nobody():
    turns = Turns(1)

    def holds():
        with turns.taken(10):
            fibers.pause(0.1)

    def gives_up():
        with turns.taken(0.02):
            raise AssertionError("it had a turn")

    def waits():
        with turns.taken(10):
            return "done"

    _, gave_up, done = in_fibers(holds, gives_up, waits)

    with pytest.raises(TimeoutError):
        gave_up.get()
    assert done.get() == "done"


class Unforgiving:
    """A lock that is taken, for which nobody may block."""

    asked = 0

    def acquire(self, *, blocking=True):
        assert not blocking
        self.asked += 1
        return self.asked > 3


def test_nobody_blocks_for_a_lock():
    lock = Unforgiving()

    in_fiber(lambda: fibers.acquire(lock))

    assert lock.asked == 4


def test_a_lock_that_is_held_over_a_pause_holds_up_only_who_wants_it():
    lock, order = threading.Lock(), []

    def holds():
        fibers.acquire(lock)
        fibers.pause(0.05)
        order.append("held")
        lock.release()

    def wants():
        fibers.acquire(lock)
        order.append("got")
        lock.release()

    in_fibers(holds, wants, lambda: order.append("another"))

    assert order == ["another", "held", "got"]


def test_a_wait_ends_with_its_deadline_and_what_is_told_later_is_ignored():
    tells = []

    def waits():
        told = fibers.required().wait(tells.append, time.monotonic() + 0.02)
        tells[0]()
        return told, fibers.required().wait(lambda _tell: None, time.monotonic() + 0.05)

    assert in_fiber(waits) == (False, False)


def test_a_wait_ends_when_any_thread_tells():
    def waits():
        return fibers.required().wait(lambda tell: threading.Thread(target=tell).start(), time.monotonic() + 10)

    assert in_fiber(waits) is True


SEEN = contextvars.ContextVar("SEEN", default="nothing")


def test_a_fiber_sees_nothing_that_one_beside_it_has_set():
    def sets():
        token = SEEN.set("mine")
        turn()
        SEEN.reset(token)

    def looks():
        return SEEN.get()

    assert in_fibers(sets, looks)[1].get() == "nothing"


def test_an_idle_fiber_keeps_nothing_of_what_it_did():
    class Request:
        def work(self):
            pass

    async def run():
        request = Request()
        gone = weakref.ref(request)
        Fibers(asyncio.get_running_loop()).start(request.work)
        del request
        return gone()

    assert asyncio.run(run()) is None


def test_fibers_are_used_again():
    async def run():
        on_loop, ids = Fibers(asyncio.get_running_loop()), []
        for _ in range(100):
            on_loop.start(lambda: ids.append(id(fibers.getcurrent())))
        on_loop.close()
        return set(ids)

    assert len(asyncio.run(run())) == 1


def test_the_loop_is_held_only_while_a_fiber_runs():
    async def run():
        on_loop, seen = Fibers(asyncio.get_running_loop()), []
        on_loop.start(lambda: seen.append(on_loop.running_since))
        seen.append(on_loop.running_since)
        on_loop.close()
        return seen

    while_it_ran, afterwards = asyncio.run(run())
    assert 0 < while_it_ran <= time.monotonic()
    assert afterwards == 0
