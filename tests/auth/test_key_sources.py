import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from socket import gaierror
from urllib.error import URLError

import pytest

from auth.kit import ISSUER, SetClock, ec_key, jwk, jwks_bytes, key_set, profile, rsa_key, sign
from sealring.auth import key_sources, url_keys
from sealring.auth.key_set_log import Told
from sealring.auth.key_sources import FileKeys, StaticKeys, key_source
from sealring.auth.key_sources import key_sources as sources_of
from sealring.auth.shared_sets import SharedSet
from sealring.auth.tokens import TokenVerifier
from sealring.auth.url_keys import UrlKeys
from sealring.errors import IssuerUnavailable, SettingsInvalid, Unauthenticated
from support.waiting import becomes_true

OLD = jwks_bytes(jwk(ec_key(1), "old"))
BOTH = jwks_bytes(jwk(ec_key(1), "old"), jwk(ec_key(2), "new"))
NEW = jwks_bytes(jwk(ec_key(2), "new"))
MIXED = jwks_bytes(jwk(ec_key(1), "old"), jwk(rsa_key(1024), "weak"), None)
URL = "https://auth.example.com/jwks"


class Lines(list):
    """A log of key sets that is kept: what is said, and about what."""

    def key_set(self, message, **about):
        self.append((message, about))


TOLD = Told(Lines(), ISSUER)
NO_FOLDER = Path("/nonexistent/run")


@pytest.fixture
def clock():
    return SetClock(1_000.0)


# --- which source


def test_an_inline_set_is_static():
    source = key_source(profile(), NO_FOLDER, Lines())

    assert isinstance(source, StaticKeys)
    assert source.key("k1", "ES256").kid == "k1"
    assert source.key("k2", "ES256") is None


def test_a_file_and_a_url_have_sources_of_their_own(tmp_path):
    (tmp_path / "keys.json").write_bytes(OLD)

    from_file = key_source(profile(jwks=None, jwks_file=str(tmp_path / "keys.json")), NO_FOLDER, Lines())
    from_url = key_source(profile(jwks=None, jwks_url="https://auth.example.com/jwks"), NO_FOLDER, Lines())

    assert isinstance(from_file, FileKeys)
    assert from_file.key("old", "ES256").kid == "old"
    assert isinstance(from_url, UrlKeys)


def test_sources_are_by_issuer():
    assert list(sources_of([profile(), profile(issuer="https://b.example.com")], NO_FOLDER, Lines())) == [
        ISSUER,
        "https://b.example.com",
    ]


# --- a file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "keys.json"
    path.write_bytes(OLD)
    return path


def replace(path, raw):
    """The way to replace a file: a rename, which gives it another inode."""
    new = path.with_suffix(".new")
    new.write_bytes(raw)
    new.rename(path)


def test_a_new_file_is_read_after_two_seconds(path, clock):
    source = FileKeys(path, TOLD, clock=clock)
    replace(path, NEW)

    clock.now += 1.9
    assert source.key("old", "ES256") is not None
    assert source.key("new", "ES256") is None
    clock.now += 0.1
    assert source.key("new", "ES256") is not None
    assert source.key("old", "ES256") is None


def test_a_file_that_changes_in_place_is_read_again(path, clock):
    source = FileKeys(path, TOLD, clock=clock)
    path.write_bytes(BOTH)

    clock.now += 2.0

    assert source.key("new", "ES256") is not None


def test_a_file_of_the_same_size_is_read_again_when_its_time_changes(path, clock):
    source = FileKeys(path, TOLD, clock=clock)
    path.write_bytes(NEW)
    os.utime(path, ns=(1, 1))

    clock.now += 2.0

    assert len(NEW) == len(OLD)
    assert source.key("new", "ES256") is not None


def test_a_link_that_points_elsewhere_is_read_again(tmp_path, clock):
    for name, raw in (("a", OLD), ("b", NEW)):
        (tmp_path / name).write_bytes(raw)
        os.utime(tmp_path / name, ns=(1, 1))
    link = tmp_path / "keys.json"
    link.symlink_to("a")
    source = FileKeys(link, TOLD, clock=clock)

    link.unlink()
    link.symlink_to("b")
    clock.now += 2.0

    assert source.key("new", "ES256") is not None


def test_a_file_that_does_not_change_is_not_read_again(path, clock, monkeypatch):
    source = FileKeys(path, TOLD, clock=clock)
    reads = []
    monkeypatch.setattr(key_sources, "_read", reads.append)

    clock.now += 2.0
    source.key("old", "ES256")

    assert reads == []


@pytest.mark.parametrize("raw", [b"", b"{", b'{"keys": []}', NEW[:-10], NEW + b" " * 65_536])
def test_a_bad_new_file_leaves_the_last_good_set(path, clock, raw):
    lines = Lines()
    source = FileKeys(path, Told(lines, ISSUER), clock=clock)
    replace(path, raw)

    clock.now += 2.0
    assert source.key("old", "ES256") is not None
    assert [(message, about["path"]) for message, about in lines] == [("jwks_file_refused", str(path))]
    replace(path, NEW)
    clock.now += 2.0
    assert source.key("new", "ES256") is not None


def test_a_file_that_goes_away_leaves_the_last_good_set(path, clock):
    source = FileKeys(path, TOLD, clock=clock)
    path.unlink()

    clock.now += 2.0
    assert source.key("old", "ES256") is not None
    replace(path, NEW)
    clock.now += 2.0
    assert source.key("new", "ES256") is not None


@pytest.mark.parametrize("raw", [b"{", jwks_bytes(jwk(ec_key(), d="AA")), OLD + b" " * 65_536])
def test_a_bad_first_file_is_refused_with_its_path(path, clock, raw):
    path.write_bytes(raw)

    with pytest.raises(SettingsInvalid, match=r"keys\.json is refused"):
        FileKeys(path, TOLD, clock=clock)


def test_a_missing_first_file_is_refused(tmp_path, clock):
    with pytest.raises(SettingsInvalid, match="No such file"):
        FileKeys(tmp_path / "keys.json", TOLD, clock=clock)


def test_a_pipe_is_refused_and_does_not_block(tmp_path, clock):
    os.mkfifo(tmp_path / "keys.json")

    with pytest.raises(SettingsInvalid, match="not a regular file"):
        FileKeys(tmp_path / "keys.json", TOLD, clock=clock)


def test_rotation_through_a_file(path, clock):
    one = profile(jwks=None, jwks_file=str(path))
    verify = TokenVerifier([one], {ISSUER: FileKeys(path, TOLD, clock=clock)}, SetClock())
    old, new = sign(key=ec_key(1), kid="old"), sign(key=ec_key(2), kid="new")
    assert verify.verify(old).subject == "user_1"

    replace(path, NEW)
    clock.now += 2.0

    assert verify.verify(new).subject == "user_1"
    with pytest.raises(Unauthenticated):
        verify.verify(old)


# --- a URL


class Fetch:
    """Answers with `answer`, or raises it; holds fetches back while `gate` is shut."""

    def __init__(self, answer=OLD):
        self.answer = answer
        self.count = 0
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def __call__(self, url):
        assert url == "https://auth.example.com/jwks"
        self.count += 1
        self.begun.set()
        assert self.gate.wait(60)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def fetch():
    fetch = Fetch()
    yield fetch
    fetch.answer = OLD
    fetch.gate.set()


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


def test_a_static_set_does_not_change():
    source = StaticKeys(key_set(jwk(ec_key())))

    assert source.key(None, "ES256") is source.key("k1", "ES256")


# --- what is said of keys that cannot be used

SAID = ("jwks_keys_left_out", {"issuer": ISSUER, "unusable": {"RSA under 2048 bits": 1, "not an object": 1}})


def test_the_keys_of_a_file_that_cannot_be_used_are_told_once(path, clock):
    path.write_bytes(MIXED)
    lines = Lines()

    source = FileKeys(path, Told(lines, ISSUER), clock=clock)
    assert source.key("old", "ES256") is not None
    assert lines == [SAID]
    for raw in (MIXED + b" ", BOTH, MIXED):
        replace(path, raw)
        clock.now += 2.0
        assert source.key("old", "ES256") is not None

    assert lines == [SAID, ("jwks_keys_left_out", {"issuer": ISSUER, "unusable": {}}), SAID]


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


def test_the_keys_of_the_settings_that_cannot_be_used_are_told():
    lines = Lines()

    source = key_source(profile(jwks=[jwk(ec_key()), jwk(rsa_key(1024), "weak"), None]), NO_FOLDER, lines)

    assert source.key("k1", "ES256") is not None
    assert lines == [SAID]


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


def test_a_key_set_that_anybody_may_write_is_refused(tmp_path):
    path = tmp_path / "jwks.json"
    path.write_bytes(OLD)
    path.chmod(0o646)

    with pytest.raises(SettingsInvalid, match=rf"^jwks_file {path} is refused: anybody may write it, and could sign"):
        sources_of([profile(jwks=None, jwks_file=str(path))], NO_FOLDER, Lines())
