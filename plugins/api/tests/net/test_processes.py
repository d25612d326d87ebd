"""After a fork, each process has connections, credentials and locks of its own."""

import multiprocessing
import os
import threading
import time
import warnings

import pytest

from sealring_plugin.net import Bounded, Lease, Renewed, Request
from sealring_plugin.net.per_process import PerProcess

HEAD = b"HTTP/1.1 200 OK\r\n"


def soon():
    return time.monotonic() + 20


def in_a_child(use):
    """Return what a process that is forked now gets from `use`."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking while there are threads: that is the point
        pid = os.fork()
    if pid == 0:
        try:
            theirs.send(use())
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        assert ours.poll(30), "the child says nothing"
        said = ours.recv()
    os.waitpid(pid, 0)
    return said


@pytest.fixture
def numbering(speaking, authority):
    """A server that answers with the number of the connection, and of the request on it."""
    numbers = iter(range(1, 1000))

    def speak(connection, _over):
        number, request = next(numbers), 0
        while connection.recv(65_536):
            request += 1
            said = b"%d.%d" % (number, request)
            connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(said) + said)

    return speaking(speak, authority.server())


def test_a_child_does_not_use_its_parents_connections(make_client, numbering, authority):
    client = make_client(ca_file=authority.ca_file)

    def ask():
        return client.send(Request("GET", numbering.endpoint, "/"), soon()).body

    before = ask()
    childs = in_a_child(lambda: [ask(), ask(), client.idle_connections])
    after = ask()

    assert (before, after) == (b"1.1", b"1.2")
    assert childs == [b"2.1", b"2.2", 1]


def test_a_child_that_closes_its_client_leaves_its_parents_open(make_client, numbering, authority):
    client = make_client(ca_file=authority.ca_file)
    client.send(Request("GET", numbering.endpoint, "/"), soon())

    in_a_child(client.close)

    assert client.send(Request("GET", numbering.endpoint, "/"), soon()).body == b"1.2"


def test_a_child_does_not_wait_for_a_lock_that_its_parent_held(client, answering):
    server = answering(HEAD + b"content-length: 0\r\n\r\n")
    idle = client._idle.get()  # noqa: SLF001

    with idle._lock:  # noqa: SLF001  as another thread of the parent may hold it
        status = in_a_child(lambda: client.send(Request("GET", server.endpoint, "/"), soon()).status)

    assert status == 200


def test_a_child_does_not_wait_for_a_fetch_of_its_parent():
    started, go_on = threading.Event(), threading.Event()
    renewed = Renewed(lambda _deadline: (started.set(), go_on.wait(20), Lease(os.getpid(), 3600.0))[-1])
    waiting = threading.Thread(target=renewed.get, args=(soon(),))
    waiting.start()
    assert started.wait(20)
    go_on_in_the_child = lambda: (go_on.set(), renewed.get(soon()) == os.getpid())[-1]  # noqa: E731

    is_its_own = in_a_child(go_on_in_the_child)

    go_on.set()
    waiting.join(20)
    assert is_its_own
    assert renewed.get(soon()) == os.getpid()


def test_a_child_keeps_values_of_its_own():
    kept = Bounded()
    kept.get("a", lambda: "the parent's")

    assert in_a_child(lambda: kept.get("a", lambda: "the child's")) == "the child's"
    assert kept.get("a", lambda: "another") == "the parent's"


def test_what_a_child_inherited_is_discarded_once_and_never_in_its_parent():
    discarded = []
    each = PerProcess(os.getpid, discarded.append)
    parent = each.get()

    childs = in_a_child(lambda: [each.get(), each.get(), os.getpid(), list(discarded)])

    assert childs == [childs[2], childs[2], childs[2], [parent]]
    assert each.get() == parent
    assert discarded == []
