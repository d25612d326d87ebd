"""How long credentials are kept."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sealring_awskms.renewal import Credentials, Lease, Refreshed
from sealring_plugin import AccessDenied, DeadlineExceeded, Unavailable


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Source:
    def __init__(self, life_s=3600.0):
        self.life_s = life_s
        self.fetched = 0
        self.failure = None

    def __call__(self):
        if self.failure is not None:
            raise self.failure
        self.fetched += 1
        return Lease(Credentials(f"number-{self.fetched}", "secret"), self.life_s)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def refreshed(source, clock):
    with ThreadPoolExecutor(1) as threads:
        made = Refreshed(source, threads, clock)
        made.settle = lambda: threads.submit(int).result(5)  # what was begun before is over
        yield made


def current(refreshed):
    """Return whose credentials they are, and let what goes on in the background end."""
    try:
        return refreshed.current(time.monotonic() + 5).access_key_id
    finally:
        refreshed.settle()


def test_credentials_are_refreshed_at_80_percent_of_their_life(refreshed, clock):
    assert current(refreshed) == "number-1"
    clock.now += 0.79 * 3600
    assert current(refreshed) == "number-1"
    clock.now += 0.02 * 3600
    assert current(refreshed) == "number-1"  # while the new ones are fetched
    assert current(refreshed) == "number-2"


def test_credentials_that_have_expired_are_never_used(refreshed, source, clock):
    current(refreshed)
    clock.now += 3601
    source.failure = Unavailable("away")

    with pytest.raises(Unavailable):
        current(refreshed)


def test_old_credentials_serve_while_new_ones_cannot_be_had(refreshed, source, clock):
    current(refreshed)
    clock.now += 0.9 * 3600
    source.failure = Unavailable("away")
    assert current(refreshed) == "number-1"
    assert current(refreshed) == "number-1"
    source.failure = None
    clock.now += 9
    assert current(refreshed) == "number-1"
    assert source.fetched == 1  # ten seconds are not over
    clock.now += 2
    current(refreshed)
    assert current(refreshed) == "number-2"


def test_old_credentials_are_given_up_when_the_owner_says_no(refreshed, source, clock):
    current(refreshed)
    clock.now += 0.9 * 3600
    source.failure = AccessDenied("no")
    current(refreshed)

    with pytest.raises(AccessDenied):
        current(refreshed)


def test_only_the_credentials_that_were_refused_are_forgotten(refreshed, source):
    first = refreshed.current(time.monotonic() + 5)
    refreshed.forget(replace(first, access_key_id="another"))
    assert current(refreshed) == "number-1"

    refreshed.forget(first)
    assert current(refreshed) == "number-2"


def test_fetching_goes_on_for_whoever_asks_next():
    may_answer = threading.Event()
    asked = []

    def fetch():
        asked.append(1)
        may_answer.wait(5)
        return Lease(Credentials("late", "secret"), 3600)

    with ThreadPoolExecutor(2) as threads:
        refreshed = Refreshed(fetch, threads)
        with pytest.raises(DeadlineExceeded):
            refreshed.current(time.monotonic() + 0.05)
        may_answer.set()
        assert refreshed.current(time.monotonic() + 5).access_key_id == "late"

    assert asked == [1]


def test_credentials_show_no_secret():
    assert repr(Credentials("AKIA", "secret", "token")) == "Credentials(access_key_id='AKIA')"


def test_credentials_of_years_are_kept_for_half_a_day(refreshed, source, clock):
    source.life_s = 1e9
    current(refreshed)
    source.failure = Unavailable("away")

    clock.now += 43_199
    assert current(refreshed) == "number-1"
    clock.now += 2
    with pytest.raises(Unavailable):
        current(refreshed)
