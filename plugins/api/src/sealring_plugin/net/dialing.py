"""Connecting by a deadline that counts for the name and for each of its addresses.

`getaddrinfo` takes no timeout: a name server that is silent holds it for half a minute. So a name is looked up in a
thread of its own, one for all who ask for the same name at the same time, and nobody waits beyond their deadline.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from sealring_plugin.errors import DeadlineExceeded, ProviderError, Unavailable
from sealring_plugin.net.timed import left_s

LEAST_TRY_S = 0.25  # for an address, before the next: RFC 8305 section 8, "Connection Attempt Delay"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name leads: what a socket of `family` connects to."""

    family: socket.AddressFamily
    address: tuple[object, ...]

    @property
    def ip(self) -> str:
        return str(self.address[0])


def dial(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to wherever a name leads: for hosts that the operator alone chose. `deadline` is of time.monotonic().

    Raises Unavailable, DeadlineExceeded.
    """
    return connect_any(resolve(host, port, deadline, host), deadline, host)


def resolve(host: str, port: int, deadline: float, what: str = "the endpoint") -> Sequence[Place]:
    """Return the places that a name leads to, at least one; `what` is how failures call it.

    Raises Unavailable, DeadlineExceeded.
    """
    asked = _looked_up if _is_address(host) else _looked_up_aside
    try:
        return asked(host, port, left_s(deadline))
    except TimeoutError:
        raise DeadlineExceeded(f"the name of {what} was not resolved in time") from None
    except (OSError, UnicodeError):
        raise Unavailable(f"the name of {what} cannot be resolved") from None


def connect_any(places: Sequence[Place], deadline: float, what: str = "the endpoint") -> socket.socket:
    """Connect to the first of the places that answers. Raises Unavailable, DeadlineExceeded.

    Each gets its share of the time, so that one that is silent does not cost the others theirs.
    """
    failure: ProviderError = DeadlineExceeded("no time was left to connect")
    for tried, place in enumerate(places):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            break
        try:
            return _connected(place, min(left_s, max(left_s / (len(places) - tried), LEAST_TRY_S)))
        except TimeoutError:
            failure = DeadlineExceeded(f"{what} did not take the connection in time")
        except OSError as error:
            failure = Unavailable(f"{what} cannot be reached ({type(error).__name__})")
    raise failure


def _connected(place: Place, timeout_s: float) -> socket.socket:
    connection = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(place.address)
    except BaseException:
        connection.close()
        raise
    return connection


# --- names

_flights: dict[tuple[int, str, int], Future[Sequence[Place]]] = {}  # by process: one that is forked has no such thread


def _looked_up(host: str, port: int, _timeout_s: float = 0) -> Sequence[Place]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [Place(family, address) for family, _, _, _, address in found]


def _looked_up_aside(host: str, port: int, timeout_s: float) -> Sequence[Place]:
    mine: Future[Sequence[Place]] = Future()
    name = (os.getpid(), host, port)
    flight = _flights.setdefault(name, mine)
    if flight is mine:
        _start(name, mine)
    return flight.result(timeout_s)


def _start(name: tuple[int, str, int], flight: Future[Sequence[Place]]) -> None:
    try:
        threading.Thread(target=_land, args=(name, flight), name="sealring-name", daemon=True).start()
    except RuntimeError as error:  # there are too many threads
        del _flights[name]
        flight.set_exception(OSError(str(error)))


def _land(name: tuple[int, str, int], flight: Future[Sequence[Place]]) -> None:
    try:
        flight.set_result(_looked_up(*name[1:]))
    except (OSError, UnicodeError) as error:
        flight.set_exception(error)
    finally:
        del _flights[name]


def _is_address(host: str) -> bool:
    """Whether nobody has to be asked for it. `999.1.1.1` is a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
