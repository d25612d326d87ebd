"""Links on an event loop: what fibers send leaves together, each gets its own reply, and nobody's trouble is another's."""

import socket
import threading
from contextlib import contextmanager

import pytest
from redis.connection import AbstractConnection

from sealring import fibers
from sealring.errors import IntegrityFailure
from sealring.store.connection.link import LinkLost
from sealring.store.connection.loop_link import LoopLink
from sealring.store.transaction import Commit, transact
from support.loop import in_fiber, in_fibers, turn

KEY = b"s1:{0}:o:test"


class Paired(AbstractConnection):
    """An open connection to a peer in the same process."""

    def __init__(self, sock, patience_s=5.0):
        super().__init__(protocol=2, socket_timeout=patience_s)
        self._sock = sock

    def connect(self):
        pass

    def disconnect(self, *_args, **_options):
        self._sock.close()

    def can_read(self, timeout=0):
        raise AssertionError("nobody asks")


class Counted(socket.socket):
    """A socket that counts what it sends."""

    sends = 0

    def send(self, *args):
        self.sends += 1
        return super().send(*args)


@contextmanager
def paired():
    ours, peer = socket.socketpair()
    ours = Counted(fileno=ours.detach())
    peer.settimeout(10)
    with ours, peer:
        yield Paired(ours), peer


def test_everyone_gets_the_reply_to_what_he_asked(links, used):
    def ask(number):
        return [links.call((b"ECHO", b"%d-%d" % (number, turn_))) for turn_ in range(20)]

    outcomes = used(*(lambda number=number: ask(number) for number in range(200)))

    assert [each.get() for each in outcomes] == [
        [[b"%d-%d" % (number, turn_)] for turn_ in range(20)] for number in range(200)
    ]


def test_what_is_asked_in_one_turn_leaves_together():
    with paired() as (connection, peer):
        received = []

        def first():
            link = LoopLink(connection, fibers.required())
            links.append(link)
            return link.send((b"ECHO", b"1"))

        def second():
            return links[0].send((b"ECHO", b"2"), (b"ECHO", b"3"))

        def answers():
            received.append(peer.recv(1000))
            peer.sendall(b"$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n")

        links = []
        peer_thread = threading.Thread(target=answers)
        peer_thread.start()
        outcomes = in_fibers(first, second)
        peer_thread.join(10)

    echo = b"*2\r\n$4\r\nECHO\r\n$1\r\n%d\r\n"
    assert received == [echo % 1 + echo % 2 + echo % 3]
    assert connection._sock.sends == 1
    assert [each.get() for each in outcomes] == [[b"a"], [b"b", b"c"]]


def test_a_refusal_is_only_for_whom_it_concerns(links, used):
    asked = (b"NO-SUCH-COMMAND",), (b"ECHO", b"fine"), (b"HGET", b"of another type", b"x")
    links.call((b"SET", b"of another type", b""))

    refused, fine, wrong = used(*(lambda command=command: links.call(command) for command in asked))

    assert fine.get() == [b"fine"]
    for outcome in (refused, wrong):
        with pytest.raises(IntegrityFailure):
            outcome.get()


def test_of_a_hundred_transactions_at_once_none_is_lost(links, used):
    """Each has a link of its own: on a shared one, the EXEC of another would end its WATCH."""

    def add():
        def attempt(link, _lost):
            _, count = link.send((b"WATCH", KEY), (b"GET", KEY))
            return Commit(((b"SET", KEY, int(count or 0) + 1),), None)

        for _ in range(5):
            transact(links, KEY, attempt)

    assert {each.get() for each in used(*[add] * 20)} == {None}
    assert links.call((b"GET", KEY)) == [b"100"]


def test_a_large_command_and_a_large_reply_get_through(links, used):
    large = bytes(range(256)) * (64 << 10)

    outcomes = used(
        lambda: links.call((b"SET", KEY, large)) and links.call((b"GET", KEY)), lambda: links.call((b"ECHO", b"small"))
    )

    assert [each.get() for each in outcomes] == [[large], [b"small"]]


def test_all_that_a_lost_connection_leaves_unanswered_is_lost_and_nothing_else():
    with paired() as (connection, peer):
        links = []

        def first():
            links.append(LoopLink(connection, fibers.required()))
            return links[0].send((b"GET", b"1"))

        def others():
            return links[0].send((b"GET", b"2"))

        def later():
            while not links[0].lost:
                turn()
            return links[0].send((b"GET", b"3"))

        def breaks():
            peer.recv(1000)
            peer.sendall(b"$1\r\na\r\n$1\r\n")
            peer.shutdown(socket.SHUT_RDWR)

        peer_thread = threading.Thread(target=breaks)
        peer_thread.start()
        answered, *lost = in_fibers(first, others, others, later)
        peer_thread.join(10)

    assert answered.get() == [b"a"]
    for outcome in lost:
        with pytest.raises(LinkLost):
            outcome.get()


def test_a_link_that_is_not_wanted_any_more_is_closed_when_all_is_answered():
    with paired() as (connection, peer):
        links = []

        def asks():
            links.append(LoopLink(connection, fibers.required()))
            return links[0].send((b"GET", b"1"))

        def retires():
            links[0].retire()
            return links[0].lost

        def answers():
            peer.recv(1000)
            peer.sendall(b"$1\r\na\r\n")

        peer_thread = threading.Thread(target=answers)
        peer_thread.start()
        answered, lost_before = in_fibers(asks, retires)
        peer_thread.join(10)

    assert answered.get() == [b"a"]
    assert (lost_before.get(), links[0].lost) == (False, True)


@pytest.mark.parametrize("noise", [b"", b"$1\r\n", b"?what\r\n"], ids=["nothing", "half a reply", "no protocol"])
def test_a_store_that_does_not_answer_loses_the_connection_in_time(noise):
    with paired() as (connection, peer):
        connection.socket_timeout = 0.2
        peer.sendall(noise)

        with pytest.raises(LinkLost):
            in_fiber(lambda: LoopLink(connection, fibers.required()).send((b"GET", KEY)))

        assert connection._sock.fileno() == -1


def test_what_was_asked_first_is_not_given_up_because_of_what_was_asked_later():
    """One timer looks at the oldest; each request has the whole time."""
    with paired() as (connection, peer):
        connection.socket_timeout = 0.5
        links = []

        def early():
            links.append(LoopLink(connection, fibers.required()))
            return links[0].send((b"GET", b"1"))

        def late():
            fibers.pause(0.3)
            sent = links[0].send((b"GET", b"2"))
            links[0].close()
            return sent

        def answers():
            peer.recv(1000)
            peer.sendall(b"$1\r\na\r\n")
            peer.recv(1000)
            threading.Event().wait(0.35)  # longer after the first than its time, and within the second's
            peer.sendall(b"$1\r\nb\r\n")

        peer_thread = threading.Thread(target=answers)
        peer_thread.start()
        outcomes = in_fibers(early, late)
        peer_thread.join(10)

    assert [each.get() for each in outcomes] == [[b"a"], [b"b"]]
