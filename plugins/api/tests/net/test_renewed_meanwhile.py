"""Calls go on while a credential is fetched, and no fetch without an end takes more than its place."""

import threading
import time

import pytest

from sealring_plugin import Unavailable
from sealring_plugin.net import Lease, Renewed
from support.waiting import becomes_true


def soon(seconds=20.0):
    return time.monotonic() + seconds


def test_the_life_of_a_credential_counts_from_when_it_was_asked_for():
    now = [0.0]

    def fetch(_deadline):
        now[0] += 100.0
        return Lease(now[0], 1000.0)

    renewed = Renewed(fetch, lambda: now[0])
    renewed.get(soon())
    now[0] = 970.0

    assert renewed.get(soon()) == 1070.0


def test_calls_go_on_with_the_old_credential_while_it_is_renewed():
    may_answer, fetched, now = threading.Event(), [], [0.0]
    may_answer.set()

    def fetch(_deadline):
        assert may_answer.wait(20)
        fetched.append(now[0])
        return Lease(len(fetched), 1000.0)

    renewed = Renewed(fetch, lambda: now[0])
    renewed.get(soon())
    may_answer.clear()
    now[0] = 900.0

    during = [renewed.get(soon()) for _ in range(5)]
    may_answer.set()

    assert during == [1] * 5
    assert becomes_true(lambda: renewed.get(soon()) == 2)
    assert fetched == [0.0, 900.0]


def test_a_fetch_that_does_not_end_is_given_up_and_the_next_call_starts_another(monkeypatch):
    monkeypatch.setattr("sealring_plugin.net.renewed.FETCH_S", 0.2)
    over, fetches = threading.Event(), []

    def fetch(_deadline):
        fetches.append(1)
        number = len(fetches)
        if number == 1:
            assert over.wait(20)  # it does not look at its deadline
        return Lease(f"number {number}", 3600.0)

    renewed = Renewed(fetch)
    with pytest.raises(Unavailable, match="no credential came within"):
        renewed.get(soon())

    assert renewed.get(soon()) == "number 2"
    over.set()
    assert becomes_true(lambda: not [each for each in threading.enumerate() if each.name == "sealring-credential"])
    assert renewed.get(soon()) == "number 2"


def test_fetches_that_never_end_take_no_more_than_four_threads(monkeypatch):
    monkeypatch.setattr("sealring_plugin.net.renewed.FETCH_S", 0.05)
    over, fetches = threading.Event(), []

    def fetch(_deadline):
        fetches.append(1)
        assert over.wait(20)
        return Lease("late", 3600.0)

    renewed = Renewed(fetch)
    for _ in range(8):
        with pytest.raises(Unavailable, match="no credential came within"):
            renewed.get(soon())
    over.set()

    assert len(fetches) == 4
    assert becomes_true(lambda: not [each for each in threading.enumerate() if each.name == "sealring-credential"])
    assert renewed.get(soon()) == "late"
