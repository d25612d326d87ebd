"""Connections wait for their next exchange: neither too many of them, nor for too long."""

import socket

import pytest

from sealring_plugin.net import Endpoint
from sealring_plugin.net.connection import Connection
from sealring_plugin.net.idle import IdleConnections
from sealring_plugin.net.timed import TimedSocket

KMS = Endpoint("https", "kms.test", 443)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def idle(clock):
    idle = IdleConnections(clock)
    yield idle
    idle.close()


@pytest.fixture
def connection(clock):
    """Make a connection of this moment; `connection.of` is our end of each."""
    peers, ours = [], {}

    def connection(endpoint=KMS):
        socket_of_ours, peer = socket.socketpair()
        peers.append(peer)
        made = Connection(endpoint, TimedSocket(socket_of_ours, 0.0), clock.now)
        ours[made] = socket_of_ours
        return made

    connection.is_closed = lambda made: ours[made].fileno() == -1
    yield connection
    for each in (*peers, *ours.values()):
        each.close()


def test_the_connection_that_was_put_back_last_is_taken_first(idle, connection):
    first, second = connection(), connection()
    idle.put(first)
    idle.put(second)

    assert [idle.take(KMS), idle.take(KMS), idle.take(KMS)] == [second, first, None]


@pytest.mark.parametrize(
    "other", [("http", "kms.test", 443), ("https", "kms.test", 8443), ("https", "x.kms.test", 443)]
)
def test_a_connection_is_not_taken_for_another_endpoint(idle, connection, other):
    idle.put(connection())

    assert idle.take(Endpoint(*other)) is None
    assert len(idle) == 1


@pytest.mark.parametrize(("idle_s", "taken"), [(19.9, True), (20.0, False), (86_400.0, False)])
def test_a_connection_waits_for_less_than_20_s(idle, connection, clock, idle_s, taken):
    kept = connection()
    idle.put(kept)

    clock.now += idle_s

    assert idle.take(KMS) is (kept if taken else None)
    assert connection.is_closed(kept) is not taken


def test_a_connection_that_is_used_all_the_time_lives_for_less_than_300_s(idle, connection, clock):
    kept = connection()
    for clock.now in range(1000, 1300, 10):
        idle.put(kept)
        assert idle.take(KMS) is kept

    clock.now = 1300.0
    idle.put(kept)

    assert idle.take(KMS) is None
    assert connection.is_closed(kept)


def test_a_connection_that_nobody_takes_is_closed_when_another_is_put_back(idle, connection, clock):
    old = connection()
    idle.put(old)

    clock.now += 20
    idle.put(connection(Endpoint("https", "another.test", 443)))

    assert connection.is_closed(old)
    assert len(idle) == 1


def test_no_more_connections_wait_than_64(idle, connection):
    made = [connection() for _ in range(65)]
    for each in made:
        idle.put(each)

    assert len(idle) == 64
    assert [connection.is_closed(each) for each in made] == [True] + [False] * 64


def test_what_is_put_back_after_the_end_is_closed(idle, connection):
    before, after = connection(), connection()
    idle.put(before)

    idle.close()
    idle.put(after)

    assert (connection.is_closed(before), connection.is_closed(after), len(idle)) == (True, True, 0)
