"""What an issuer that hangs, fails or answers nonsense leaves in use, for how long, and what the log says of it."""

import threading
import time
from contextlib import suppress
from socket import gaierror
from urllib.error import URLError

import pytest

from auth.key_set_kit import MIXED, NEW, OLD, TOLD, URL, Fetch, Lines
from auth.kit import ISSUER, SetClock, jwks_bytes
from sealring.auth import url_keys
from sealring.auth.key_set_log import Told
from sealring.auth.shared_sets import SharedSet
from sealring.auth.url_keys import UrlKeys
from sealring.errors import IssuerUnavailable
from support.waiting import becomes_true


@pytest.fixture
def clock():
    return SetClock(1_000.0)


# --- a URL


@pytest.fixture
def shared(tmp_path):
    return SharedSet(tmp_path / "run", ISSUER, URL, TOLD)


@pytest.fixture
def source(fetch, clock, shared):
    return UrlKeys(URL, TOLD, shared, fetch=fetch, clock=clock)


class Hanging(Fetch):
    """The first fetch hangs until its gate opens, with the answer of then; those after it are answered at once."""

    def __call__(self, url):
        if self.count > 0:
            self.count += 1
            return NEW
        self.thread = threading.current_thread()
        return super().__call__(url)


@pytest.fixture
def hanging():
    fetch = Hanging()
    fetch.gate.clear()
    yield fetch
    fetch.gate.set()


NO_ANSWER = ("jwks_fetch_failed", {"issuer": ISSUER, "host": "auth.example.com", "reason": "no answer in time"})


def hung(hanging, clock, shared, monkeypatch):
    """A source of which a caller has given up the first fetch, which still hangs; and what the log was told."""
    monkeypatch.setattr(url_keys, "WAIT_S", 0.01)
    lines = Lines()
    source = UrlKeys(URL, Told(lines, ISSUER), shared, fetch=hanging, clock=clock)
    with pytest.raises(IssuerUnavailable):
        source.key("old", "ES256")
    assert hanging.begun.wait(60)
    monkeypatch.setattr(url_keys, "WAIT_S", 600)
    return source, lines


def test_a_fetch_that_hangs_is_told_once_and_another_one_begins(hanging, clock, shared, monkeypatch):
    source, lines = hung(hanging, clock, shared, monkeypatch)
    with pytest.raises(IssuerUnavailable):
        source.key("old", "ES256")
    assert lines == [NO_ANSWER]

    clock.now += 2.0
    with suppress(IssuerUnavailable):  # nobody waits for one that failed the last time
        source.key("new", "ES256")

    assert becomes_true(lambda: source._held() is not None)
    assert source.key("new", "ES256").kid == "new"
    assert hanging.count == 2
    assert lines == [NO_ANSWER]


@pytest.mark.parametrize("late", [OLD, MIXED, b"<html>", OSError("down")])
def test_what_a_fetch_that_was_given_up_brings_is_dropped(hanging, clock, shared, monkeypatch, late):
    source, lines = hung(hanging, clock, shared, monkeypatch)
    clock.now += 2.0
    with suppress(IssuerUnavailable):
        source.key("new", "ES256")
    assert becomes_true(lambda: source._held() is not None)

    hanging.answer = late
    hanging.gate.set()
    hanging.thread.join(60)

    assert not hanging.thread.is_alive()
    assert source.key("new", "ES256").kid == "new"
    assert source.key("old", "ES256") is None
    assert shared.read().keys.key("new", "ES256").kid == "new"
    assert lines == [NO_ANSWER]


def test_a_fetch_that_is_older_than_its_time_is_waited_for_by_nobody(hanging, clock, shared, monkeypatch):
    """Whoever comes later ends the waiting of those who came before."""
    monkeypatch.setattr(url_keys, "WAIT_S", 600)
    lines = Lines()
    source = UrlKeys(URL, Told(lines, ISSUER), shared, fetch=hanging, clock=clock)

    def ask():
        with suppress(IssuerUnavailable):
            source.key("new", "ES256")

    first = threading.Thread(target=ask)
    first.start()
    assert hanging.begun.wait(60)

    clock.now += 600.0
    ask()
    first.join(60)

    assert not first.is_alive()
    assert becomes_true(lambda: source._held() is not None)
    assert source.key("new", "ES256").kid == "new"
    assert lines == [NO_ANSWER]


@pytest.mark.parametrize("answer", [OSError("down"), TimeoutError(), b"<html>", jwks_bytes(), OLD + b" " * 65_536])
def test_an_outage_is_bridged_for_a_day(fetch, clock, answer, shared):
    lines = Lines()
    source = UrlKeys(URL, Told(lines, ISSUER), shared, fetch=fetch, clock=clock)
    source.key("old", "ES256")
    fetch.answer = answer

    clock.now += 300.0
    assert source.key("old", "ES256") is not None
    assert lines[0][0] == "jwks_fetch_failed"
    assert (lines[0][1]["issuer"], lines[0][1]["host"]) == (ISSUER, "auth.example.com")
    clock.now += 86_399.0
    assert source.key("old", "ES256") is not None
    clock.now += 1.0
    with pytest.raises(IssuerUnavailable):
        source.key("old", "ES256")


def test_nobody_waits_during_an_outage(source, fetch, clock, monkeypatch):
    monkeypatch.setattr(url_keys, "WAIT_S", 600)
    source.key("old", "ES256")
    fetch.answer = OSError("down")
    clock.now += 300.0
    source.key("old", "ES256")
    fetch.gate.clear()
    fetch.begun.clear()

    clock.now += 30.0
    began = time.monotonic()

    assert source.key("old", "ES256") is not None
    assert source.key("unknown", "ES256") is None
    assert time.monotonic() - began < 30
    assert fetch.begun.wait(60)


def test_the_end_of_an_outage_brings_the_new_set(source, fetch, clock):
    source.key("old", "ES256")
    fetch.answer = OSError("down")
    clock.now += 300.0
    source.key("old", "ES256")
    fetch.answer = NEW

    source.refresh()

    assert source.key("new", "ES256").kid == "new"
    assert source.key("old", "ES256") is None


def test_an_issuer_that_was_never_there_is_unavailable(source, fetch):
    fetch.answer = OSError("down")

    for kid in ("old", None, "unknown"):
        with pytest.raises(IssuerUnavailable, match="Try again later"):
            source.key(kid, "ES256")
    assert fetch.count == 1


def test_an_issuer_that_was_never_there_is_asked_every_two_seconds(source, fetch, clock):
    fetch.answer = OSError("down")
    with pytest.raises(IssuerUnavailable):
        source.key("old", "ES256")

    clock.now += 1.9
    with pytest.raises(IssuerUnavailable):
        source.key("old", "ES256")
    assert fetch.count == 1
    clock.now += 0.1
    fetch.begun.clear()
    fetch.answer = OLD
    with suppress(IssuerUnavailable):  # nobody waits for one that failed the last time
        source.key("old", "ES256")
    assert fetch.begun.wait(60)
    assert becomes_true(lambda: source._held() is not None)
    assert source.key("old", "ES256").kid == "old"
    assert source.key("unknown", "ES256") is None
    assert fetch.count == 2


# --- what is said of keys that cannot be used


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (OSError("status 503"), "status 503"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (URLError(gaierror(-2, "Name or service not known")), "its name is not found"),
        (URLError(TimeoutError("timed out")), "no answer in time"),
        (b"<html>", "not JSON in UTF-8"),
        (jwks_bytes(), "no key for RS256, PS256, ES256 or EdDSA signatures"),
    ],
)
def test_a_fetch_that_failed_is_told_with_host_and_reason(fetch, clock, answer, reason, shared):
    lines = Lines()
    fetch.answer = answer

    UrlKeys(URL, Told(lines, ISSUER), shared, fetch=fetch, clock=clock).refresh()

    assert lines == [("jwks_fetch_failed", {"issuer": ISSUER, "host": "auth.example.com", "reason": reason})]
