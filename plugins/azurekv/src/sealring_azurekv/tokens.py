"""Access tokens: one for each tenant and resource, renewed by one thread before the others miss it."""

from __future__ import annotations

import copy
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from sealring_azurekv.config import AzureConfig
from sealring_azurekv.credentials import Credential
from sealring_azurekv.errors import token_failure
from sealring_azurekv.key import Target
from sealring_azurekv.wire import Request, Wire
from sealring_plugin import DeadlineExceeded, ProviderError, Throttled, Unavailable, token_life_s

MAX_TENANTS = 256
RENEWED_AT = 0.8  # of its life
MARGIN_S = 30.0  # before its end, for clocks and for the way to the vault
MAX_LIFE_S = 86_400  # tokens live for up to a day
RENEWAL_PAUSE_S = 30.0  # after a renewal that failed while the old token was good

_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class _Token:
    """Times are of the clock that `Tokens` was given."""

    value: str = field(repr=False)
    renew_at: float
    end: float


class _Slot:
    """The token of one tenant and resource, and the lock of whoever asks for it."""

    def __init__(self) -> None:
        self.asking = threading.Lock()
        self.token: _Token | None = None
        self.failure: ProviderError | None = None
        self.failed_at = 0.0


class Tokens:
    """Thread-safe. `clock` is time.monotonic, but for tests of what happens in an hour."""

    def __init__(
        self, config: AzureConfig, wire: Wire, credential: Credential, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client_id = config.client_id
        self._authority = config.authority
        self._wire = wire
        self._credential = credential
        self._clock = clock
        self._slots: OrderedDict[tuple[str, str], _Slot] = OrderedDict()
        self._lock = threading.Lock()

    def token_for(self, target: Target, deadline: float) -> str:
        """Return a token that the vault takes. Raises ProviderError."""
        slot = self._slot(target)
        held, now = slot.token, self._clock()
        if held is None or now >= held.end:
            return self._first(slot, target, deadline).value
        if now >= held.renew_at:
            held = self._renewed(slot, held, target, deadline)
        return held.value

    def forget(self, target: Target, value: str) -> None:
        """Drop a token that the vault refused, if it is still the one that is held."""
        slot = self._slot(target)
        if slot.token is not None and slot.token.value == value:
            slot.token = None

    def _slot(self, target: Target) -> _Slot:
        key = (target.tenant, target.resource)
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            if len(self._slots) > MAX_TENANTS:
                self._slots.popitem(last=False)
            return slot

    def _first(self, slot: _Slot, target: Target, deadline: float) -> _Token:
        """Ask, or wait for the thread that does and share what it gets, be it a failure."""
        began = self._clock()
        with _held(slot.asking, deadline):
            if slot.token is not None and self._clock() < slot.token.end:
                return slot.token
            if slot.failure is not None and slot.failed_at > began:
                raise copy.copy(slot.failure)
            return self._asked(slot, target, deadline)

    def _renewed(self, slot: _Slot, held: _Token, target: Target, deadline: float) -> _Token:
        """Return a new token, or the old one where another thread asks, or Entra ID cannot answer."""
        if not slot.asking.acquire(blocking=False):
            return held
        try:
            half = time.monotonic() + (deadline - time.monotonic()) / 2  # the rest is for the vault
            return self._asked(slot, target, half)
        except (Unavailable, Throttled, DeadlineExceeded):
            slot.token = _Token(held.value, self._clock() + RENEWAL_PAUSE_S, held.end)
            return held
        finally:
            slot.asking.release()

    def _asked(self, slot: _Slot, target: Target, deadline: float) -> _Token:
        try:
            slot.token = self._ask(target, deadline)
        except DeadlineExceeded:  # of this call; another one may have more time
            raise
        except ProviderError as error:
            slot.failure, slot.failed_at = error, self._clock()
            raise
        return slot.token

    def _ask(self, target: Target, deadline: float) -> _Token:
        """Ask as learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow says."""
        path = f"/{target.tenant}/oauth2/v2.0/token"
        origin = self._authority
        port = "" if (origin.scheme, origin.port) == ("https", 443) else f":{origin.port}"
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "scope": f"{target.resource}/.default",
            **self._credential.parameters(f"{origin.scheme}://{origin.host}{port}{path}"),
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        asked_at = self._clock()
        answer = self._wire.send(origin, Request("POST", path, headers, urlencode(form).encode()), deadline)
        if answer.status != 200:
            raise token_failure(answer)
        return _parsed(answer.body, asked_at)


def _parsed(body: Mapping[str, object], asked_at: float) -> _Token:
    value, life_s = body.get("access_token"), token_life_s(body.get("expires_in"), most_s=MAX_LIFE_S)
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise Unavailable("Entra ID answered without a token")
    if life_s is None:
        raise Unavailable("Entra ID answered with a token of no sensible lifetime")
    return _Token(value, asked_at + RENEWED_AT * life_s, asked_at + life_s - MARGIN_S)


@contextmanager
def _held(lock: threading.Lock, deadline: float) -> Iterator[None]:
    if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
        raise DeadlineExceeded("another call waits for a token from Entra ID, and none came in time")
    try:
        yield
    finally:
        lock.release()
