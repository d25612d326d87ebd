"""Threads that need a credential share one fetch, and each waits no longer than its own deadline."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sealring_plugin import AccessDenied, DeadlineExceeded, Unavailable
from sealring_plugin.net import Lease, Renewed
from support.waiting import becomes_true


def soon(seconds=20.0):
    return time.monotonic() + seconds


class Slow:
    """An issuer that answers when it is let."""

    def __init__(self, failure=None):
        self.may_answer = threading.Event()
        self.asked = threading.Semaphore(0)
        self.fetches = 0
        self._failure = failure
        self.renewed = Renewed(self.fetch)

    def fetch(self, _deadline):
        self.fetches += 1
        self.asked.release()
        assert self.may_answer.wait(20)
        if self._failure is not None:
            raise self._failure
        return Lease("late", 3600.0)


@pytest.mark.parametrize("failure", [None, AccessDenied("no"), Unavailable("away")])
def test_all_who_wait_share_one_fetch_be_it_a_failure(failure):
    slow, arrived = Slow(failure), threading.Barrier(9)

    def get():
        arrived.wait(20)
        return slow.renewed.get(soon())

    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(get) for _ in range(8)]
        arrived.wait(20)
        assert slow.asked.acquire(timeout=20)
        state = slow.renewed._state.get()  # noqa: SLF001
        assert becomes_true(lambda: state.flight and len(state.flight._condition._waiters) == 8)  # noqa: SLF001
        slow.may_answer.set()
        told = [type(call.exception()) if call.exception() else call.result() for call in calls]

    assert told == [type(failure) if failure else "late"] * 8
    assert failure is None or len({id(call.exception()) for call in calls}) == 8  # each with a traceback of its own
    assert slow.fetches == 1


def test_who_waits_keeps_its_deadline_and_what_comes_later_is_there_for_the_next():
    slow = Slow()
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        slow.renewed.get(soon(0.2))
    took_s = time.monotonic() - began

    slow.may_answer.set()

    assert 0.15 < took_s < 5
    assert slow.renewed.get(soon()) == "late"
    assert slow.fetches == 1


def test_no_thread_is_left_behind():
    before = threading.active_count()
    slow = Slow()
    slow.may_answer.set()
    slow.renewed.get(soon())

    assert becomes_true(lambda: threading.active_count() <= before)


def test_a_system_without_threads_is_unavailable(monkeypatch):
    def none_left(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)

    with pytest.raises(Unavailable, match="no thread was left"):
        Slow().renewed.get(soon())
