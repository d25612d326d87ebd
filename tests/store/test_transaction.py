"""The transaction loop: no link comes back with keys that it watches, and nothing counts that too few replicas have."""

import os
import signal
from contextlib import closing

import pytest

from sealring.errors import IntegrityFailure, NotFound, OutcomeUnknown, StoreUnavailable
from sealring.store.connection.links import Links
from sealring.store.transaction import Commit, Settled, transact
from support.replication import running_node

KEY, OTHER = b"s1:{0}:o:one", b"s1:{0}:o:other"


def watching(then):
    """An attempt that watches KEY, and does `then`."""

    def attempt(link, _lost):
        link.send((b"WATCH", KEY))
        return then()

    return attempt


def refuse():
    raise NotFound


def commits_at_once(links):
    """Whether the next transaction of the link that was used last is applied."""
    with links.borrow(KEY) as link:
        return link.send((b"MULTI",), (b"SET", OTHER, b"v"), (b"EXEC",))[-1] == [b"OK"]


def test_a_refused_write_lets_go_of_the_keys_that_it_watched(links):
    with pytest.raises(NotFound):
        transact(links, KEY, watching(refuse))
    links.call((b"SET", KEY, b"by somebody"))

    assert commits_at_once(links)


def test_a_write_that_is_not_needed_lets_go_of_the_keys_that_it_watched(links):
    assert transact(links, KEY, watching(lambda: Settled("done"))) == "done"
    links.call((b"SET", KEY, b"by somebody"))

    assert commits_at_once(links)


def test_a_command_that_fails_inside_a_transaction_is_never_taken_for_a_write(links):
    links.call((b"SET", KEY, b"text"))

    with pytest.raises(IntegrityFailure):
        transact(links, KEY, watching(lambda: Commit([(b"SET", OTHER, b"v"), (b"RPUSH", KEY, b"x")], "done")))


# --- replicas


@pytest.fixture
def primary(tmp_path):
    with running_node(tmp_path / "primary") as node:
        yield node


@pytest.fixture
def replica(tmp_path, primary):
    with running_node(tmp_path / "replica") as node:
        node.follow(primary)
        yield node


def links_to(primary, replicas):
    return closing(Links.to(f"redis://{primary.address}", replicas=replicas))


@pytest.fixture
def silent(replica):
    """The replica, which is connected and takes nothing more."""
    os.kill(replica.process.pid, signal.SIGSTOP)
    yield replica
    os.kill(replica.process.pid, signal.SIGCONT)


def test_a_write_counts_when_each_replica_that_is_asked_for_has_it(primary, replica):
    write = watching(lambda: Commit([(b"SET", OTHER, b"v")], "done"))

    with links_to(primary, 1) as links:
        assert transact(links, KEY, write) == "done"
    with links_to(primary, 2) as links, pytest.raises(OutcomeUnknown):
        transact(links, KEY, write)


def test_what_was_written_before_counts_only_when_a_replica_has_it(primary, silent):
    """By whom is no matter: the link that says so has written nothing, and WAIT by itself would not wait for it."""
    primary.ask("SET", KEY, "by somebody")

    with links_to(primary, 1) as links, pytest.raises(OutcomeUnknown):
        transact(links, KEY, watching(lambda: Settled("done")))


def test_a_read_counts_only_when_a_replica_has_what_was_read(primary, silent):
    primary.ask("SET", KEY, "by somebody")

    with links_to(primary, 1) as links, pytest.raises(StoreUnavailable):
        links.confirmed(KEY, (b"GET", KEY))


def test_what_was_written_before_counts_when_a_replica_has_it(primary, replica):
    primary.ask("SET", KEY, "by somebody")

    with links_to(primary, 1) as links:
        assert transact(links, KEY, watching(lambda: Settled("done"))) == "done"
