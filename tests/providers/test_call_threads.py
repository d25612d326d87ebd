"""Threads for calls of providers: each used again, and waited for no longer than is of use."""

import threading
import time

import pytest

from sealring.providers.call_threads import CallThreads, Overdue
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
    assert CallThreads().start(lambda: "it").result(soon()) == "it"


def test_a_call_raises_what_it_raises():
    failure = ValueError("it")

    def fail():
        raise failure

    with pytest.raises(ValueError) as raised:
        CallThreads().start(fail).result(soon())

    assert raised.value is failure


def test_a_call_that_does_not_return_is_overdue_at_its_deadline(never):
    pending = CallThreads().start(never.wait)

    with pytest.raises(Overdue):
        pending.result(time.monotonic() + 0.05)


def test_a_call_beside_one_that_does_not_return_has_a_thread_of_its_own(never):
    threads = CallThreads()
    threads.start(never.wait)

    assert threads.start(lambda: "it").result(soon()) == "it"


def test_a_thread_whose_call_ended_takes_the_next_one():
    threads = CallThreads()
    threads.start(lambda: "it").result(soon())

    assert becomes_true(lambda: made_by(lambda: threads.start(lambda: "it").result(soon())) == 0)


def made_by(call):
    """How many threads for calls it takes; they do not end."""
    before = running()
    call()
    return running() - before


def running():
    return sum(thread.name == "key-call" for thread in threading.enumerate())
