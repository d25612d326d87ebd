"""Single flight: one call for all who want the same, each with a result or a failure of its own."""

import gc
import threading
import time
import weakref

import pytest

from sealring.errors import EnvelopeRejected, KeyThrottled, PluginFault, SealringError, StoreLost, StoreUnavailable
from sealring.keys.single_flight import SingleFlight
from sealring.many import like


class Deadline(float):
    """Far away; tells when a thread that waits for another's call looks how long it may."""

    def __new__(cls):
        return super().__new__(cls, time.monotonic() + 10)

    def __init__(self):
        self.looked = threading.Semaphore(0)

    def __sub__(self, now):
        self.looked.release()
        return float(self) - now


def at_once(call, threads=3):
    """Return what each of some threads gets that want the same while one call is under way, and the number of calls."""
    flights, deadline, go_on = SingleFlight(), Deadline(), threading.Event()
    calls, outcomes = [], []

    def called():
        calls.append(1)
        assert go_on.wait(10)
        return call()

    def want():
        try:
            outcomes.append(flights.get("key", called, deadline))
        except SealringError as failure:
            outcomes.append(failure)

    wanting = [threading.Thread(target=want) for _ in range(threads)]
    for each in wanting:
        each.start()
    for _ in range(threads - 1):
        assert deadline.looked.acquire(timeout=10)
    go_on.set()
    for each in wanting:
        each.join(10)
    return outcomes, len(calls)


def test_all_get_what_one_call_returns():
    assert at_once(lambda: "result") == (["result"] * 3, 1)


def test_each_raises_a_failure_of_its_own():
    def fail():
        raise EnvelopeRejected("unknown DEK")

    found, calls = at_once(fail)

    assert calls == 1
    assert [(type(each), each.reason) for each in found] == [(EnvelopeRejected, "unknown DEK")] * 3
    assert len({id(each) for each in found}) == 3


def test_who_has_time_asks_again_if_the_store_was_away_for_another():
    answers = [StoreUnavailable("It did not answer in time."), "result", "result"]

    def ask():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    found, calls = at_once(ask)

    assert sorted(map(str, found)) == ["It did not answer in time.", "result", "result"]
    assert calls in {2, 3}


def test_a_store_that_is_away_is_asked_no_more_than_once_by_each():
    def fail():
        raise StoreUnavailable("away")

    found, calls = at_once(fail)

    assert [str(each) for each in found] == ["away"] * 3
    assert calls <= 3


def throttled():
    failure = KeyThrottled("Too many.", "operator")
    failure.retry_after_s = 1.5
    return failure


@pytest.mark.parametrize(
    "failure", [throttled(), StoreLost(), PluginFault("TypeError"), EnvelopeRejected("format"), ValueError("x")]
)
def test_a_failure_like_another_says_the_same(failure):
    same = like(failure)

    assert (type(same), str(same), vars(same)) == (type(failure), str(failure), vars(failure))
    assert same.__traceback__ is None


class Secret:
    pass


def test_a_call_that_failed_leaves_nothing_of_itself_behind():
    secret = Secret()
    gone = weakref.ref(secret)
    flights = SingleFlight()

    def failing(_secret):
        raise StoreUnavailable("away")

    def asked(secret):
        with pytest.raises(StoreUnavailable):
            flights.get("key", lambda: failing(secret), time.monotonic() + 10)

    gc.disable()
    try:
        asked(secret)
        del secret
        assert gone() is None
    finally:
        gc.enable()
