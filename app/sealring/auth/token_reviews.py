"""Token reviews: whether a cluster still accepts a token, asked again every few seconds, with a share for each tenant.

Offline verification takes a token until its `exp`. A cluster refuses it as soon as its pod or service account is gone.
"""

from __future__ import annotations

import time
from _thread import start_new_thread
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread

from sealring import fibers
from sealring.auth.api_server import Reviewer
from sealring.auth.exchange import TooManyCalls, check_files, reason_of
from sealring.auth.key_set_log import KeySetLog, Told
from sealring.auth.pauses import PAUSE_S, Pauses
from sealring.auth.profiles import IssuerProfile
from sealring.domain.principal import Principal
from sealring.errors import IssuerUnavailable, Unauthenticated
from sealring.recent import Recent
from sealring.shares import Shares

RENEW_S = 5.0  # at this age an answer is asked for again, while requests still use it
MAX_AGE_S = 10.0  # at this age no request uses it
WAIT_S = 4.0  # a call, whose own limit is 3 s, is given up; nothing else limits the lookup of a name
MAX_CALLS = 128  # at once, those that were given up included; half of them for one tenant
MIN_PLACES = 2  # fewer cannot be shared
MAX_KNOWN = 4_096  # tokens, the oldest forgotten first

Accepts = Callable[[str, str], bool]  # a token, of a subject; raises OSError if there is no answer


def token_reviews(profiles: Iterable[IssuerProfile], log: KeySetLog, requests: int) -> dict[str, TokenReviews]:
    """Make the reviews of each cluster that has them, by issuer; `requests` are all that the worker serves at once.

    All clusters together leave places for requests that wait for none of them. Starts no thread.
    """
    reviewing = [(each, each.token_review) for each in profiles if each.token_review is not None]
    places = requests // (len(reviewing) + 1)
    return {
        each.issuer: TokenReviews(
            Reviewer(server, str(each.audience)).accepts, Told(log, each.issuer), server.host, places
        )
        for each, server in reviewing
    }


def check_review_files(profiles: Iterable[IssuerProfile]) -> None:
    """Raises SettingsInvalid for a `ca_file` or `token_file` of a `token_review` that cannot be used."""
    for each in profiles:
        if each.token_review is not None:
            check_files(each.token_review.ca_file, each.token_review.token_file)


@dataclass(frozen=True, slots=True)
class _Answer:
    asked_at: float  # its age counts from before the call
    accepted: bool


class _Call:
    """A call under way. Requests with the same token wait for it together."""

    def __init__(self, until: float) -> None:
        self.answer: _Answer | None = None  # None: there is none, or not yet
        self._until = until  # by time.monotonic()
        self._lock = Lock()
        self._ended = Event()
        self._tell: list[Callable[[], None]] = []

    def wait(self) -> None:
        """Wait for the end, or until the call has to be given up."""
        loop = fibers.current()
        if loop is None:
            self._ended.wait(max(0.0, self._until - time.monotonic()))
        else:
            loop.wait(self._when_ended, self._until)

    def end(self, answer: _Answer | None) -> None:
        with self._lock:
            self.answer = answer
            self._ended.set()
        for tell in self._tell:
            tell()

    def _when_ended(self, tell: Callable[[], None]) -> None:
        with self._lock:
            if not self._ended.is_set():
                self._tell.append(tell)
                return
        tell()


class TokenReviews:
    """Refuses tokens that their cluster does not accept any more. Called from many threads.

    Each cluster has its own threads and places, so that one that does not answer delays no token of another issuer; and
    in each, a tenant has its share, so that one with many tokens leaves calls to the others, and its own pauses after a
    call without an answer. Without one, nothing is allowed: the issuer is unavailable.
    """

    def __init__(
        self, accepts: Accepts, told: Told, host: str, places: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`places`: how many requests may wait at once; `clock` gives seconds, for ages. Starts no thread."""
        self._accepts = accepts
        self._told = told
        self._host = host
        self._clock = clock
        self._waiting = Shares(max(places, MIN_PLACES))
        self._calls = Shares(MAX_CALLS)
        self._answers: Recent[bytes, _Answer] = Recent(size=MAX_KNOWN, ttl_s=MAX_AGE_S, clock=clock)
        self._beginning = Lock()  # never held while waiting
        self._under_way: dict[bytes, _Call] = {}
        self._pauses = Pauses(clock)

    def require(self, token: str, digest: bytes, principal: Principal) -> None:
        """Raises Unauthenticated if the cluster does not accept the token; IssuerUnavailable if it does not answer.

        `digest` is that of the token. Who may do nothing is not asked for.
        """
        if not principal.permissions:
            return
        answer = self._answers.get(digest)
        age = float("inf") if answer is None else self._clock() - answer.asked_at
        if answer is None or age >= MAX_AGE_S:
            answer = self._asked(token, digest, principal)
        elif age >= RENEW_S:
            with suppress(IssuerUnavailable):
                self._begun(token, digest, principal)
        if not answer.accepted:
            raise Unauthenticated("token review")

    def _asked(self, token: str, digest: bytes, principal: Principal) -> _Answer:
        owner = _owner(principal)
        if not self._waiting.take(owner):
            raise IssuerUnavailable
        try:
            call = self._begun(token, digest, principal)
            call.wait()
        finally:
            self._waiting.give_back(owner)
        if call.answer is None:
            self._pauses.failed(owner)
            raise IssuerUnavailable
        return call.answer

    def _begun(self, token: str, digest: bytes, principal: Principal) -> _Call:
        """Return the call for the token that is under way, or begin one. Raises IssuerUnavailable."""
        owner = _owner(principal)
        with self._beginning:
            call = self._under_way.get(digest)
            if call is not None:
                return call
            if self._pauses.holds(owner) or not self._calls.take(owner):
                raise IssuerUnavailable
            call = self._under_way[digest] = _Call(time.monotonic() + WAIT_S)

        def run() -> None:
            answer = None
            try:
                answer = self._answer(token, principal.subject, owner)
            finally:  # even if nobody waits any more
                self._end(digest, owner, call, answer)

        _start(run, otherwise=lambda: self._end(digest, owner, call, None))
        return call

    def _answer(self, token: str, subject: str, owner: Hashable) -> _Answer | None:
        asked_at = self._clock()
        try:
            answer = _Answer(asked_at, self._accepts(token, subject))
        except OSError as error:
            self._pauses.failed(owner, _wanted_s(error))
            self._told.failed("token_review_failed", host=self._host, reason=reason_of(error))
            return None
        self._pauses.answered(owner)
        return answer

    def _end(self, digest: bytes, owner: Hashable, call: _Call, answer: _Answer | None) -> None:
        if answer is not None:
            self._answers.put(digest, answer)
        with self._beginning:
            del self._under_way[digest]
        self._calls.give_back(owner)
        call.end(answer)


def _start(run: Callable[[], None], *, otherwise: Callable[[], None]) -> None:
    """Run it in a thread, without waiting for the thread; `otherwise` if the system has no thread left.

    Thread.start waits until the thread runs: many milliseconds if others are busy, and it would be the loop that waits.
    """

    def start() -> None:
        try:
            Thread(target=run, name="token-review", daemon=True).start()
        except RuntimeError:
            otherwise()

    try:
        start_new_thread(start, ())
    except RuntimeError:
        otherwise()


def _wanted_s(error: OSError) -> float | None:
    if not isinstance(error, TooManyCalls):
        return None
    return PAUSE_S if error.retry_after_s is None else error.retry_after_s


def _owner(principal: Principal) -> Hashable:
    return principal.everywhere, principal.organizations
