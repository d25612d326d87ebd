"""Providers are replaced while others use them: nobody's call is cut off, and none is held up."""

import threading
import time

import pytest

from sealring.errors import KeyDeadlineExceeded, KeyMisconfigured, PluginFault
from sealring.providers import instances
from sealring.providers.instances import FAULTS_TO_REPLACE, STUCK_TO_REPLACE, Providers, Source
from support.waiting import becomes_true

ABSENT = "There is no '{}'."
BROKEN, OVERDUE = PluginFault("ValueError"), KeyDeadlineExceeded("late")


class Provider:
    def __init__(self):
        self.closed = 0

    def wrap(self, key, dek, context, call):
        raise NotImplementedError

    def unwrap(self, wrapped, key, context, call):
        raise NotImplementedError

    def close(self):
        self.closed += 1


@pytest.fixture
def built():
    """All that were built, the oldest first."""
    return []


@pytest.fixture
def held(built):
    def build():
        built.append(Provider())
        return built[-1]

    return Providers({"kms": Source(build)}, ABSENT)


def break_(held):
    for _ in range(FAULTS_TO_REPLACE):
        held.judge("kms", BROKEN)


def hold(held, deadline, over):
    """A call that is in the provider until `over`."""
    began = threading.Event()

    def call():
        with held.using("kms", deadline):
            began.set()
            over.wait(30)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    assert began.wait(10)
    return thread


@pytest.fixture
def over():
    over = threading.Event()
    yield over
    over.set()


def test_faults_in_a_row_replace_a_provider(held, built):
    held.get("kms")
    for _ in range(FAULTS_TO_REPLACE - 1):
        held.judge("kms", BROKEN)
    held.judge("kms", None)
    for _ in range(FAULTS_TO_REPLACE - 1):
        held.judge("kms", BROKEN)
    assert held.get("kms") is built[0]

    held.judge("kms", BROKEN)
    assert held.get("kms") is built[1]
    held.judge("kms", BROKEN)

    assert held.get("kms") is built[1]


def test_what_was_replaced_stays_open_until_its_last_call_has_ended(held, built, over):
    first_over = threading.Event()
    calls = [hold(held, time.monotonic() + 30, each) for each in (first_over, over)]

    break_(held)
    with held.using("kms") as newer:
        assert newer is not built[0]
    first_over.set()
    calls[0].join(10)

    assert built[0].closed == 0
    over.set()
    assert becomes_true(lambda: built[0].closed == 1)
    assert built[1].closed == 0


def test_what_was_replaced_and_is_idle_is_closed(held, built):
    held.get("kms")

    break_(held)

    assert becomes_true(lambda: built[0].closed == 1)


def test_a_call_that_never_returns_does_not_keep_it_open_for_ever(held, built, over, monkeypatch):
    monkeypatch.setattr(instances, "CLOSED_AFTER_S", 0.1)
    hold(held, time.monotonic(), over)

    break_(held)

    assert becomes_true(lambda: built[0].closed == 1)


def test_calls_that_are_long_overdue_replace_a_provider(held, built, over):
    for _ in range(STUCK_TO_REPLACE - 1):
        hold(held, time.monotonic() - instances.STUCK_S, over)
    held.judge("kms", OVERDUE)
    assert held.get("kms") is built[0]

    hold(held, time.monotonic() - instances.STUCK_S, over)
    held.judge("kms", OVERDUE)

    assert held.get("kms") is built[1]


def test_calls_that_end_soon_after_their_deadline_do_not(held, built, over):
    """A provider that keeps its deadlines ends each call at one: that is the key's trouble, and not the provider's."""
    for _ in range(2 * STUCK_TO_REPLACE):
        hold(held, time.monotonic(), over)

    held.judge("kms", OVERDUE)

    assert held.get("kms") is built[0]


def test_calls_that_were_long_overdue_and_ended_do_not(held, built):
    for _ in range(2 * STUCK_TO_REPLACE):
        with held.using("kms", time.monotonic() - instances.STUCK_S):
            pass

    held.judge("kms", OVERDUE)

    assert held.get("kms") is built[0]


def test_one_that_hangs_while_it_is_built_holds_up_no_other(over):
    began = threading.Event()

    def build():
        began.set()
        over.wait(30)
        return Provider()

    held = Providers({"slow": Source(build), "kms": Source(Provider)}, ABSENT)
    thread = threading.Thread(target=held.get, args=("slow",), daemon=True)
    thread.start()
    assert began.wait(10)

    assert isinstance(held.get("kms"), Provider)
    assert thread.is_alive()
    over.set()
    thread.join(10)


class Asked(dict):
    """Sources that tell when the second one asks for one of them, which was not built when it looked."""

    def __init__(self, sources):
        super().__init__(sources)
        self.times, self.twice = 0, threading.Event()

    def get(self, name):
        self.times += 1
        if self.times == 2:
            self.twice.set()
        return super().get(name)


def test_what_is_being_built_is_not_built_again_for_the_next_that_asks():
    built = []

    def build():
        built.append(Provider())
        if len(built) == 1:
            assert sources.twice.wait(10)
        return built[-1]

    sources = Asked({"kms": Source(build)})
    held, got = Providers(sources, ABSENT), []
    threads = [threading.Thread(target=lambda: got.append(held.get("kms"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(built) == 1
    assert got == built * 2


def test_many_that_ask_at_once_get_the_same(held, built):
    barrier, got = threading.Barrier(8), []

    def ask():
        barrier.wait(10)
        with held.using("kms") as provider:
            got.append(provider)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(built) == 1
    assert got == built * 8


def test_a_failure_inside_a_call_ends_it(held, built):
    with pytest.raises(ZeroDivisionError), held.using("kms"):
        raise ZeroDivisionError

    break_(held)

    assert becomes_true(lambda: built[0].closed == 1)


def test_closing_closes_what_was_built_and_what_fails_at_that(held, built):
    class Stubborn(Provider):
        def close(self):
            super().close()
            raise RuntimeError

    stubborn = Stubborn()
    all_of_them = Providers({"a": Source(lambda: stubborn), "b": Source(Provider)}, ABSENT)
    all_of_them.get("a")
    other = all_of_them.get("b")

    all_of_them.close()

    assert (stubborn.closed, other.closed) == (1, 1)


def test_one_that_is_not_loaded_is_for_the_operator(held):
    with pytest.raises(KeyMisconfigured, match="There is no 'nokms'") as refused:
        held.get("nokms")

    assert refused.value.owner == "operator"
    assert not held.waits("nokms")
