"""Key sets from a URL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sealring.auth.exchange import reason_of
from sealring.auth.jwks import KeySet, KeySetRefused, VerificationKey
from sealring.auth.jwks_fetch import fetch_key_set
from sealring.auth.key_set_log import Told
from sealring.auth.shared_sets import MAX_AGE_S, SharedSet
from sealring.errors import IssuerUnavailable

REFRESH_S = 240.0  # the thread renews a set before CACHE_S, so that no request waits for it
CACHE_S = 300.0
RETRY_S = 30.0  # between two fetches, however many unknown kids arrive (GHSA-fhv5-28vv-h8m8)
FIRST_RETRY_S = 2.0  # likewise, as long as there is no set
STALE_S = 86_400.0  # the longest outage of the issuer in which its last set still counts
WAIT_S = 6.0  # then a fetch, whose own limit is 5 s, is given up

Clock = Callable[[], float]  # seconds


@dataclass(frozen=True, slots=True)
class _Held:
    """A set, and when its fetch began, by the wall clock (which all workers share) and by the monotonic clock."""

    keys: KeySet
    fetched_at: float  # seconds since 1970
    asked_at: float  # monotonic
    good_until: float  # monotonic


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """One request for a fetch. Requests are compared by identity."""

    at: float  # monotonic


class UrlKeys:
    """A key set from a URL, kept current by a daemon thread that starts on first use (after the fork).

    A set is current for five minutes. If the issuer cannot be reached, the last set stays in force for 24 more hours,
    and requests do not wait. Otherwise a request waits, for at most six seconds, only if there is no current set or if
    its kid is unknown; all waiting requests share one fetch, and there is at most one fetch in 30 seconds. A fetch that
    takes more than six seconds has failed: another thread makes the next one, and a late result is dropped.

    Before its first fetch and after a failed one, a worker uses the set that another worker of the server fetched, if
    it is at most an hour old. Without any set, the issuer is unavailable, and a fetch is tried every 2 seconds.
    """

    def __init__(  # noqa: PLR0913  clocks and network, by name
        self,
        url: str,
        told: Told,
        shared: SharedSet,
        *,
        fetch: Callable[[str], bytes] = fetch_key_set,
        clock: Clock = time.monotonic,
        wall_clock: Clock = time.time,
    ) -> None:
        """`fetch` raises OSError if there is no answer; `wall_clock` gives seconds since 1970."""
        self._url = url
        self._told = told
        self._shared = shared
        self._fetch = fetch
        self._clock = clock
        self._wall_clock = wall_clock
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._last: _Held | None = None  # replaced as a whole
        self._begun = False
        self._begun_at = 0.0
        self._asked_at = float("-inf")
        self._asked: _Asked | None = None  # None again when the fetch has ended or was given up
        self._failing = False

    def key(self, kid: str | None, alg: str) -> VerificationKey | None:
        if not self._begun:
            self._begin()
        if (key := self._current(kid, alg)) is not None:
            return key
        self._ask()
        held = self._held()
        if held is None:
            raise IssuerUnavailable
        return held.keys.key(kid, alg)

    def at_hand(self, kid: str | None, alg: str) -> bool:
        return self._current(kid, alg) is not None

    @property
    def age_s(self) -> float | None:
        """How old the set in use is; without one, for how long it is missed; None if nobody has asked for a key."""
        if not self._begun:
            return None
        held = self._held()
        return self._clock() - (self._begun_at if held is None else held.asked_at)

    def _current(self, kid: str | None, alg: str) -> VerificationKey | None:
        """Return the key of a set that is current; None if there is no such set or key."""
        held = self._held()
        if held is None or self._clock() - held.asked_at >= CACHE_S:
            return None
        return held.keys.key(kid, alg)

    def refresh(self, asked: _Asked | None = None) -> None:
        """Fetch once, in this thread. After an OSError or a refused set, the last set stays in force."""
        fetched = None
        try:
            fetched = self._fetched(asked)
        except (OSError, KeySetRefused) as error:
            if self._asked is asked:
                self._failed(reason_of(error))
        finally:
            with self._turn:
                if self._asked is asked:
                    self._end(fetched)

    def _fetched(self, asked: _Asked | None) -> _Held:
        """Fetch a set, and share it unless the fetch was given up meanwhile. Raises OSError; KeySetRefused."""
        began, began_at = self._clock(), self._wall_clock()
        raw = self._fetch(self._url)
        keys = KeySet.parse(raw)
        if self._asked is asked:
            self._told.unusable(keys)
            self._shared.write(raw, began_at)
        return _Held(keys, began_at, began, began + CACHE_S + STALE_S)

    def _failed(self, reason: str) -> None:
        self._told.failed("jwks_fetch_failed", host=urlsplit(self._url).netloc, reason=reason)
        self._take_shared()

    def _end(self, fetched: _Held | None) -> None:
        if fetched is not None:
            self._last = fetched
        self._failing = fetched is None
        self._asked = None
        self._turn.notify_all()

    def _begin(self) -> None:
        self._begun, self._begun_at = True, self._clock()
        self._take_shared()
        with self._turn:
            self._start()

    def _held(self) -> _Held | None:
        held = self._last
        return held if held is not None and self._clock() < held.good_until else None

    def _take_shared(self) -> None:
        """Use the set that another worker fetched, if it is newer than ours."""
        found = self._shared.read()
        if found is None:
            return
        asked_at = self._clock() - (self._wall_clock() - found.fetched_at)
        with self._turn:
            held = self._held()
            if held is None:
                self._last = _Held(found.keys, found.fetched_at, asked_at, asked_at + MAX_AGE_S)
            elif held.fetched_at < found.fetched_at:
                self._last = _Held(found.keys, found.fetched_at, asked_at, max(asked_at + MAX_AGE_S, held.good_until))

    def _retry_s(self) -> float:
        return FIRST_RETRY_S if self._held() is None else RETRY_S

    def _ask(self) -> None:
        """Request a fetch, unless the last one is too recent; wait for its end, unless the last one failed."""
        with self._turn:
            overdue = self._asked is not None and not self._left_s(self._asked)
            if overdue:
                self._give_up()
            if self._asked is None and self._clock() - self._asked_at >= self._retry_s():
                self._announce()
            if self._asked is not None:
                self._start()
                overdue = overdue or not (self._failing or self._ends(self._asked))
        if overdue:
            self._failed("no answer in time")

    def _ends(self, asked: _Asked) -> bool:
        """Wait for a fetch, and give it up if it does not end in time; return whether it ended."""
        ended = self._turn.wait_for(lambda: self._asked is not asked, timeout=self._left_s(asked))
        if not ended:
            self._give_up()
        return ended

    def _left_s(self, asked: _Asked) -> float:
        return max(0.0, asked.at + WAIT_S - self._clock())

    def _give_up(self) -> None:
        """Count the current fetch as failed; its thread ends after it."""
        self._thread = None
        self._end(None)

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():  # is_alive is false in a forked child
            self._thread = threading.Thread(target=self._run, name="sealring-jwks", daemon=True)
            self._thread.start()

    def _announce(self) -> _Asked:
        self._asked_at = self._clock()
        self._asked = _Asked(self._asked_at)
        self._turn.notify_all()
        return self._asked

    def _run(self) -> None:
        while (asked := self._next()) is not None:
            self.refresh(asked)

    def _next(self) -> _Asked | None:
        """Wait until a fetch is requested or due; None for a thread whose fetch was given up."""
        with self._turn:
            self._turn.wait_for(
                lambda: self._asked is not None or not self._is_ours(),
                timeout=self._retry_s() if self._failing else REFRESH_S,
            )
            return (self._asked or self._announce()) if self._is_ours() else None

    def _is_ours(self) -> bool:
        return threading.current_thread() is self._thread
