"""Workers share what one of them fetched, while the issuer is away too, and the newest counts."""

import threading

import pytest

from auth.kit import ISSUER, SetClock
from auth.shared_set_kit import NEW, RAW, URL, Lines
from sealring.auth.key_set_log import Told
from sealring.auth.shared_sets import SharedSet
from sealring.auth.url_keys import UrlKeys
from sealring.errors import IssuerUnavailable


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def now():
    return SetClock(1_000.0)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def shared(folder, lines, now):
    return SharedSet(folder, ISSUER, URL, Told(lines, ISSUER), now)


class Fetch:
    """Answers with `answer`, or raises it."""

    def __init__(self, answer):
        self.answer = answer
        self.count = 0

    def __call__(self, _url):
        self.count += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


DOWN = OSError("status 503")


@pytest.fixture
def worker(shared, lines, now):
    """Make a worker that fetches so; its monotonic clock and the wall clock go together."""

    def make(answer):
        fetch = Fetch(answer)
        return UrlKeys(URL, Told(lines, ISSUER), shared, fetch=fetch, clock=now, wall_clock=now), fetch

    return make


def test_a_worker_that_starts_while_the_issuer_is_away_takes_what_another_fetched(worker, now):
    first, _ = worker(RAW)
    assert first.key("old", "ES256").kid == "old"
    now.now += 3_599.0

    second, _ = worker(DOWN)

    assert second.key("old", "ES256").kid == "old"
    assert second.key("unknown", "ES256") is None


def test_a_set_that_another_fetched_counts_until_it_is_an_hour_old(worker, now):
    worker(RAW)[0].key("old", "ES256")
    second, _ = worker(DOWN)
    assert second.key("old", "ES256").kid == "old"

    now.now += 3_599.9
    assert second.key("old", "ES256").kid == "old"
    now.now += 0.1
    with pytest.raises(IssuerUnavailable):
        second.key("old", "ES256")


def test_a_set_that_another_just_fetched_is_not_fetched_again(worker, now):
    worker(RAW)[0].key("old", "ES256")
    now.now += 299.0
    second, fetch = worker(NEW)

    assert second.key("old", "ES256").kid == "old"
    assert fetch.count == 0
    now.now += 1.0
    assert second.key("old", "ES256") is None
    assert second.key("new", "ES256").kid == "new"
    assert fetch.count == 1


def test_a_worker_whose_fetch_fails_takes_what_another_fetched_since(worker, now):
    first, _ = worker(DOWN)
    with pytest.raises(IssuerUnavailable):
        first.key("old", "ES256")

    worker(RAW)[0].refresh()
    first.refresh()

    assert first.key("old", "ES256").kid == "old"


def test_an_older_set_of_another_worker_does_not_take_the_place_of_a_newer(worker, shared, now):
    first, fetch = worker(RAW)
    first.refresh()
    shared.write(NEW, now.now - 10.0)
    fetch.answer = DOWN

    first.refresh()

    assert first.key("old", "ES256").kid == "old"


def test_what_was_fetched_stays_in_force_longer_than_what_was_shared(worker, now):
    first, fetch = worker(RAW)
    first.refresh()
    fetch.answer = DOWN
    now.now += 3_600.0
    first.refresh()

    assert first.key("old", "ES256").kid == "old"


def test_a_newer_set_of_another_worker_is_good_for_as_long_as_the_own_one(worker, now):
    first, fetch = worker(RAW)
    first.refresh()
    fetch.answer = DOWN
    now.now += 60.0
    worker(NEW)[0].refresh()

    first.refresh()
    assert first.key("new", "ES256").kid == "new"
    assert first.key("old", "ES256") is None

    now.now += 86_639.9
    assert first.key("new", "ES256").kid == "new"
    now.now += 0.1
    with pytest.raises(IssuerUnavailable):
        first.key("new", "ES256")


def test_workers_that_write_and_read_at_once_never_meet_half_a_file(shared, lines):
    ended = threading.Event()

    def write():
        while not ended.is_set():
            shared.write(RAW, 990.0)
            shared.write(NEW, 995.0)

    shared.write(RAW, 990.0)
    writers = [threading.Thread(target=write) for _ in range(2)]
    for each in writers:
        each.start()
    found = [shared.read() for _ in range(300)]
    ended.set()
    for each in writers:
        each.join()

    assert None not in found
    assert lines == []
