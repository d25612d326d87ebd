"""Threads for calls of providers: so many and no more, each used again, and waited for no longer than is of use."""

import threading
import time

import pytest

from sealring.keys.call_threads import CallThreads, Overdue, ThreadsExhausted
from support.waiting import becomes_true


def soon():
    return time.monotonic() + 10


@pytest.fixture
def never():
    """What a call waits for; set when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_a_call_returns_what_it_returns():
    assert CallThreads(1).start(lambda: "it").result(soon()) == "it"


def test_a_call_raises_what_it_raises():
    failure = ValueError("it")

    def fail():
        raise failure

    with pytest.raises(ValueError) as raised:
        CallThreads(1).start(fail).result(soon())

    assert raised.value is failure


def test_a_call_that_does_not_return_is_overdue_at_its_deadline(never):
    pending = CallThreads(1).start(never.wait)

    with pytest.raises(Overdue):
        pending.result(time.monotonic() + 0.05)


def test_no_more_calls_run_than_there_are_threads(never):
    threads = CallThreads(2)
    for _ in range(2):
        threads.start(never.wait)

    with pytest.raises(ThreadsExhausted):
        threads.start(never.wait)


def test_a_thread_whose_call_ended_takes_the_next_one():
    threads = CallThreads(1)
    first = threads.start(threading.get_ident).result(soon())

    assert becomes_true(lambda: has_room(threads))
    assert threads.last.result(soon()) == first


def has_room(threads):
    try:
        threads.last = threads.start(threading.get_ident)
    except ThreadsExhausted:
        return False
    return True
