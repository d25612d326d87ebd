"""A name is looked up once for all who wait for it, and costs no more than the deadline."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sealring_plugin import DeadlineExceeded, Egress, Unavailable, dial
from sealring_plugin.net import dialing
from support.waiting import becomes_true

CLOUD = Egress.of([".amazonaws.com"], "kms.example.test, localhost:8443, 10.1.2.3")


def soon(seconds=2.0):
    return time.monotonic() + seconds


def found(address, port=443):
    """One entry of what getaddrinfo returns; `address` may have the port with it."""
    ip, port = address if isinstance(address, tuple) else (address, port)
    return (socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))


def test_a_name_that_cannot_be_resolved_is_unavailable(monkeypatch):
    def fail(*_args, **_options):
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(Unavailable, match="cannot be resolved"):
        CLOUD.connect("kms.example.test", 443, soon())


@pytest.fixture
def asleep(monkeypatch):
    """A name server that says nothing until it is woken; the names that it was asked for."""
    asked, awake = [], threading.Event()

    def look_up(host, *_args, **_options):
        asked.append(host)
        awake.wait(30)
        return [found("10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield asked
    awake.set()
    assert becomes_true(lambda: not dialing._flights)  # noqa: SLF001  no thread of ours is left


def test_a_name_server_that_is_silent_costs_no_more_than_the_deadline(asleep):
    began = time.monotonic()

    with pytest.raises(DeadlineExceeded, match="not resolved in time"):
        CLOUD.connect("kms.example.test", 443, soon(0.2))

    assert time.monotonic() - began < 1.2


def test_all_who_wait_for_a_name_wait_for_one_look_at_it(asleep):
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(CLOUD.connect, "kms.example.test", 443, soon(0.2)) for _ in range(8)]
        failures = {type(call.exception()) for call in calls}

    assert failures == {DeadlineExceeded}
    assert asleep == ["kms.example.test"]


def test_a_name_that_is_slow_holds_up_no_other(asleep):
    with pytest.raises(DeadlineExceeded):
        CLOUD.connect("kms.example.test", 443, soon(0.1))
    with pytest.raises(DeadlineExceeded):
        CLOUD.connect("kms.eu-west-1.amazonaws.com", 443, soon(0.1))

    assert asleep == ["kms.example.test", "kms.eu-west-1.amazonaws.com"]


@pytest.mark.parametrize("host", ["metadata.google.internal", "999.1.1.1"])
def test_dialling_ends_in_time_as_well(asleep, host):
    began = time.monotonic()

    with pytest.raises(DeadlineExceeded):
        dial(host, 80, soon(0.2))

    assert time.monotonic() - began < 5
