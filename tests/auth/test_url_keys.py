"""Keys of a URL are fetched once for all, kept for a time, and renewed before anybody asks."""

import subprocess
import sys
import threading
from itertools import chain, repeat

import pytest

from auth.key_set_kit import BOTH, MIXED, NEW, OLD, SAID, TOLD, URL, Lines
from auth.kit import ISSUER, SetClock, ec_key, profile, sign
from sealring.auth import url_keys
from sealring.auth.key_set_log import Told
from sealring.auth.shared_sets import SharedSet
from sealring.auth.tokens import TokenVerifier
from sealring.auth.url_keys import UrlKeys
from sealring.errors import IssuerUnavailable, Unauthenticated


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


def test_the_first_use_fetches_and_waits(source, fetch):
    assert source.key("old", "ES256").kid == "old"
    assert fetch.count == 1


def test_no_thread_starts_before_the_first_use(source, fetch):
    assert source._thread is None
    source.key("old", "ES256")

    assert source._thread.daemon
    assert fetch.count == 1


def test_a_set_is_kept_for_five_minutes(source, fetch, clock):
    source.key("old", "ES256")

    clock.now += 299.9
    assert source.key("old", "ES256") is not None
    assert fetch.count == 1
    clock.now += 0.1
    assert source.key("old", "ES256") is not None
    assert fetch.count == 2


def test_a_withdrawn_key_is_gone_after_five_minutes(source, fetch, clock):
    source.key("old", "ES256")
    fetch.answer = NEW

    clock.now += 300.0

    assert source.key("old", "ES256") is None


def test_a_set_is_as_old_as_its_asking_and_not_as_its_arrival(clock, shared):
    """The issuer may have withdrawn a key while its answer was on the way."""
    began, answers = clock.now, chain([OLD], repeat(NEW))

    def fetch(_url):
        clock.now += 5.0
        return next(answers)

    source = UrlKeys(URL, TOLD, shared, fetch=fetch, clock=clock)
    source.refresh()
    assert source.key("old", "ES256") is not None

    clock.now = began + 300.0

    assert source.key("old", "ES256") is None


def test_an_unknown_kid_is_fetched_for_after_thirty_seconds(source, fetch, clock):
    source.key("old", "ES256")
    fetch.answer = BOTH

    clock.now += 29.9
    assert source.key("new", "ES256") is None
    assert fetch.count == 1
    clock.now += 0.1
    assert source.key("new", "ES256").kid == "new"
    assert fetch.count == 2


def test_many_unknown_kids_cost_one_fetch(source, fetch, clock):
    source.key("old", "ES256")
    clock.now += 30.0

    found = [source.key(f"k{number}", "ES256") for number in range(50)]

    assert found == [None] * 50
    assert fetch.count == 2


def test_concurrent_callers_share_a_fetch(source, fetch):
    fetch.gate.clear()
    found = []
    threads = [threading.Thread(target=lambda: found.append(source.key("old", "ES256"))) for _ in range(8)]

    for thread in threads:
        thread.start()
    assert fetch.begun.wait(60)
    fetch.gate.set()
    for thread in threads:
        thread.join()

    assert [key.kid for key in found] == ["old"] * 8
    assert fetch.count == 1


def test_a_request_waits_for_a_while_only(source, fetch, monkeypatch):
    monkeypatch.setattr(url_keys, "WAIT_S", 0.01)
    fetch.gate.clear()

    with pytest.raises(IssuerUnavailable):
        source.key("old", "ES256")


def test_a_set_is_renewed_before_anybody_asks(source, fetch, monkeypatch):
    monkeypatch.setattr(url_keys, "REFRESH_S", 0.001)
    source.key("old", "ES256")
    fetch.begun.clear()

    assert fetch.begun.wait(60)


def test_after_a_failure_the_thread_tries_again_by_itself(source, fetch, monkeypatch):
    monkeypatch.setattr(url_keys, "FIRST_RETRY_S", 0.001)
    fetch.answer = OSError("down")
    with pytest.raises(IssuerUnavailable):
        source.key("old", "ES256")
    fetch.begun.clear()

    assert fetch.begun.wait(60)


FORKING = """
import os, sys
from pathlib import Path
from sealring.auth.shared_sets import SharedSet
from sealring.auth.key_set_log import Told
from sealring.auth.url_keys import UrlKeys
from sealring.observability.logs import Log

now, answer = 0.0, bytes.fromhex(sys.argv[1])
told = Told(Log(), "")
shared = SharedSet(Path("/nonexistent/run"), "", "", told)
source = UrlKeys("https://auth.example.com/jwks", told, shared, fetch=lambda url: answer, clock=lambda: now)
assert source.key("old", "ES256")
answer = bytes.fromhex(sys.argv[2])
if os.fork() == 0:
    now = 300.0
    os._exit(7 if source.key("new", "ES256") else 8)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_forked_child_starts_a_thread_of_its_own():
    command = [sys.executable, "-W", "ignore", "-c", FORKING, OLD.hex(), NEW.hex()]

    assert subprocess.run(command, check=False, timeout=60).returncode == 7


def test_rotation_through_a_url(issuer, clock, shared):
    issuer.body = OLD
    one = profile(jwks=None, jwks_url=issuer.url)
    verify = TokenVerifier([one], {ISSUER: UrlKeys(issuer.url, TOLD, shared, clock=clock)}, SetClock())
    old, new = sign(key=ec_key(1), kid="old"), sign(key=ec_key(2), kid="new")
    assert verify.verify(old).subject == "user_1"

    issuer.body = NEW
    clock.now += 30.0

    assert verify.verify(new).subject == "user_1"
    with pytest.raises(Unauthenticated):
        verify.verify(old)
    assert len(issuer.requests) == 2


def test_a_redirecting_or_oversize_issuer_gives_no_keys(issuer, clock, shared):
    issuer.body = OLD + b" " * 65_536
    with pytest.raises(IssuerUnavailable):
        UrlKeys(issuer.url, TOLD, shared, clock=clock).key("old", "ES256")

    issuer.body, issuer.status, issuer.headers = OLD, 302, {"Location": issuer.url}

    with pytest.raises(IssuerUnavailable):
        UrlKeys(issuer.url, TOLD, shared, clock=clock).key("old", "ES256")
    assert len(issuer.requests) == 2


# --- what is said of keys that cannot be used


def test_the_keys_of_a_fetched_set_that_cannot_be_used_are_told_at_each_change(fetch, clock, shared):
    lines = Lines()
    source = UrlKeys(URL, Told(lines, ISSUER), shared, fetch=fetch, clock=clock)
    source.refresh()
    assert lines == []

    fetch.answer = MIXED
    source.refresh()
    source.refresh()

    assert source.key("old", "ES256") is not None
    assert lines == [SAID]
