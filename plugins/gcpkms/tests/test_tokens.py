"""A token is kept for its life, renewed by one call while the others go on, and dropped when it is refused."""

import threading
import time

import pytest

from sealring_gcpkms.tokens import MAX_IDENTITIES, Token, Tokens
from sealring_plugin import AccessDenied, ConfigInvalid, DeadlineExceeded, Throttled, Unavailable

LIFE_S = 1000.0


class Issuer:
    """A clock that stands still, and tokens that tell when they were made."""

    def __init__(self):
        self.now = 0.0
        self.fetched = []
        self.failure = None
        self.tokens = Tokens(self.fetch, lambda: self.now)

    def fetch(self, identity, deadline):
        if self.failure:
            raise self.failure
        self.fetched.append((identity, deadline))
        return Token(f"{identity}-{len(self.fetched)}", self.now + 800.0, self.now + LIFE_S)

    def get(self, identity="acme", deadline=5000.0):
        return self.tokens.get(identity, deadline)


@pytest.fixture
def issuer():
    return Issuer()


def test_a_token_is_renewed_at_four_fifths_of_its_life():
    before = time.monotonic()
    token = Token.of("text", LIFE_S)

    assert 800 <= token.renew_at - before < 801
    assert 970 <= token.ends_at - before < 971


def test_a_token_is_not_shown():
    assert "secret" not in repr(Token.of("secret", LIFE_S))


def test_a_token_is_kept_until_then(issuer):
    told = []
    for issuer.now in (0.0, 799.0, 800.0, 1599.0, 1600.0):
        told.append(issuer.get())

    assert told == ["acme-1", "acme-1", "acme-2", "acme-2", "acme-3"]
    assert issuer.fetched == [("acme", 5000.0)] * 3


def test_each_identity_has_a_token_of_its_own(issuer):
    assert [issuer.get("acme"), issuer.get("globex"), issuer.get("acme")] == ["acme-1", "globex-2", "acme-1"]


@pytest.mark.parametrize("failure", [Unavailable(), Throttled(), DeadlineExceeded()])
def test_the_old_token_serves_while_there_is_no_new_one(issuer, failure):
    issuer.get()
    issuer.now, issuer.failure = 850.0, failure

    assert issuer.get() == "acme-1"
    issuer.failure = None
    assert issuer.get() == "acme-1"  # not tried again at once
    issuer.now = 861.0
    assert issuer.get() == "acme-2"


@pytest.mark.parametrize("failure", [AccessDenied(), ConfigInvalid()])
def test_who_may_not_be_it_any_more_is_it_no_more(issuer, failure):
    issuer.get()
    issuer.now, issuer.failure = 850.0, failure

    with pytest.raises(type(failure)):
        issuer.get()
    issuer.failure = Unavailable()
    with pytest.raises(Unavailable):
        issuer.get()


def test_a_token_that_ended_serves_no_more(issuer):
    issuer.get()
    issuer.now, issuer.failure = 1001.0, Unavailable()

    with pytest.raises(Unavailable):
        issuer.get()


def test_a_token_that_was_refused_is_dropped_once(issuer):
    old = issuer.get()
    issuer.tokens.forget("acme", old)
    new = issuer.get()
    issuer.tokens.forget("acme", old)

    assert (new, issuer.get()) == ("acme-2", "acme-2")


def test_the_oldest_identity_is_forgotten(issuer):
    for number in range(MAX_IDENTITIES + 1):
        issuer.get(f"org-{number}")
    issuer.fetched.clear()

    issuer.get("org-1")
    issuer.get("org-0")

    assert [identity for identity, _ in issuer.fetched] == ["org-0"]


def slow_tokens(started, go_on, clock=time.monotonic):
    """Tokens that are fetched slowly; each is known by the order in which it was asked for."""
    made = []

    def fetch(_identity, _deadline):
        made.append(len(made))
        started.set()
        assert go_on.wait(20)
        return Token(f"token-{made[-1]}", clock() + 800, clock() + LIFE_S)

    return Tokens(fetch, clock), made


def test_one_call_fetches_and_the_others_wait_for_it():
    started, go_on, told = threading.Event(), threading.Event(), []
    tokens, made = slow_tokens(started, go_on)
    get = lambda: told.append(tokens.get("acme", time.monotonic() + 20))  # noqa: E731
    threads = [threading.Thread(target=get) for _ in range(8)]

    for thread in threads:
        thread.start()
    assert started.wait(20)
    go_on.set()
    for thread in threads:
        thread.join(20)

    assert told == ["token-0"] * 8
    assert made == [0]


def test_who_waits_for_anothers_token_keeps_its_deadline():
    started, go_on = threading.Event(), threading.Event()
    tokens, _ = slow_tokens(started, go_on)
    first = threading.Thread(target=tokens.get, args=("acme", time.monotonic() + 20))
    first.start()
    assert started.wait(20)

    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        tokens.get("acme", began + 0.2)
    took_s = time.monotonic() - began

    go_on.set()
    first.join(20)
    assert took_s < 0.4


def test_a_renewal_holds_up_nobody_else():
    started, go_on, now = threading.Event(), threading.Event(), [0.0]
    tokens, _ = slow_tokens(started, go_on, lambda: now[0])
    go_on.set()
    tokens.get("acme", 20.0)
    now[0] = 850.0
    started.clear()
    go_on.clear()
    renewing = threading.Thread(target=tokens.get, args=("acme", 870.0))
    renewing.start()
    assert started.wait(20)

    told = tokens.get("acme", 870.0)

    go_on.set()
    renewing.join(20)
    assert told == "token-0"
    assert tokens.get("acme", 870.0) == "token-1"
