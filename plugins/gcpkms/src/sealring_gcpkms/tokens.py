"""Access tokens, one for each identity: kept for their life, and renewed by one call while the others go on."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Generic, Self, TypeVar

from sealring_plugin import DeadlineExceeded, ProviderError, Throttled, Unavailable

RENEWED_AT = 0.8  # of its life
MAX_IDENTITIES = 256

_MARGIN_S = 30.0  # before its end: for the way to Google, and for clocks
_PAUSE_S = 10.0  # after a renewal that failed, while the old token is still good

I = TypeVar("I", bound=Hashable)  # noqa: E741  an identity


@dataclass(frozen=True, slots=True)
class Token:
    """Times are of time.monotonic()."""

    text: str = field(repr=False)
    renew_at: float
    ends_at: float

    @classmethod
    def of(cls, text: str, life_s: float) -> Self:
        now = time.monotonic()
        return cls(text, now + RENEWED_AT * life_s, now + life_s - _MARGIN_S)


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    token: Token | None = None


class Tokens(Generic[I]):
    """Thread-safe. `fetch` makes a new token before a deadline; for one identity it runs once at a time."""

    def __init__(self, fetch: Callable[[I, float], Token], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[I, _Kept] = OrderedDict()

    def get(self, identity: I, deadline: float) -> str:
        """Raises what `fetch` raises; DeadlineExceeded where another call's fetch took too long."""
        kept = self._of(identity)
        token, now = kept.token, self._clock()
        if token is not None and now < token.renew_at:
            return token.text
        if token is not None and now < token.ends_at:
            return self._renewed(identity, kept, token, deadline)
        return self._first(identity, kept, deadline)

    def forget(self, identity: I, text: str) -> None:
        """Drop a token that Google refused, unless there is another one by now."""
        kept = self._of(identity)
        token = kept.token
        if token is not None and token.text == text:
            kept.token = None

    def _first(self, identity: I, kept: _Kept, deadline: float) -> str:
        if not kept.lock.acquire(timeout=max(0.0, deadline - self._clock())):
            raise DeadlineExceeded("a token of Google's did not come in time")
        try:
            token = kept.token
            if token is None or self._clock() >= token.ends_at:
                token = kept.token = self._fetch(identity, deadline)
            return token.text
        finally:
            kept.lock.release()

    def _renewed(self, identity: I, kept: _Kept, token: Token, deadline: float) -> str:
        """Fetch a new one, unless another call does; while Google cannot answer, the old one serves."""
        if not kept.lock.acquire(blocking=False):
            return token.text
        try:
            if kept.token is token:
                kept.token = self._fetch(identity, deadline)
        except (Unavailable, Throttled, DeadlineExceeded):
            kept.token = replace(token, renew_at=self._clock() + _PAUSE_S)
        except ProviderError:
            kept.token = None  # we may not be this identity any more
            raise
        finally:
            kept.lock.release()
        return (kept.token or token).text

    def _of(self, identity: I) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(identity, _Kept())
            self._kept.move_to_end(identity)
            if len(self._kept) > MAX_IDENTITIES:
                self._kept.popitem(last=False)
            return kept
