"""Links: what a store's refusals mean, and which links are never used again."""

from contextlib import closing

import pytest

from sealring.errors import IntegrityFailure, StoreFull, StoreUnavailable
from sealring.store.connection.cluster import Cluster
from sealring.store.connection.link import Elsewhere, LinkLost
from sealring.store.connection.links import Links
from sealring.store.connection.store_url import StoreUrl
from support.fake_store import answering
from support.replication import running_node

KEY = b"s1:{0}:o:test"


# --- links that are not used again


class Interruption(BaseException):
    """What no code of ours raises, such as a worker's end."""


def test_a_link_with_an_answer_outstanding_is_not_used_again(links):
    with pytest.raises(Interruption), links.borrow(KEY) as link:
        link._connection.send_command("ECHO", "of another request")
        raise Interruption

    assert links.call((b"ECHO", b"ours")) == [b"ours"]


def test_a_link_whose_command_was_refused_is_used_again(links):
    with pytest.raises(IntegrityFailure), links.borrow(KEY) as first:
        first.send((b"NO-SUCH-COMMAND",))

    with links.borrow(KEY) as second:
        assert second is first


# --- what a refusal means


MEANINGS = {
    Elsewhere: ("MOVED 1 h:1", "ASK 1 h:1", "TRYAGAIN", "CLUSTERDOWN", "READONLY", "MASTERDOWN", "NOREPLICAS"),
    StoreUnavailable: ("MISCONF", "NOPERM", "BUSY"),
    StoreFull: ("OOM",),
    LinkLost: ("UNBLOCKED", "LOADING", "NOAUTH", "WRONGPASS"),  # redis-py takes the last three for a lost connection
    IntegrityFailure: ("ERR", "WRONGTYPE"),
}


@pytest.mark.parametrize(
    ("word", "meaning"), [(word, meaning) for meaning, words in MEANINGS.items() for word in words]
)
def test_what_a_store_refuses_has_a_meaning(word, meaning):
    refusal = f"-{word}\r\n" if word[-1].isdigit() else f"-{word} canary\r\n"
    with (
        answering(lambda _words: refusal.encode()) as port,
        closing(Links.to(f"redis://127.0.0.1:{port}")) as links,
        pytest.raises(meaning) as refused,
        links.borrow(KEY) as link,
    ):
        link.send((b"SET", KEY, b"v"))

    assert "canary" not in str(refused.value)


def test_a_password_that_is_refused_is_no_outage(valkey):
    with (
        closing(Links.to(valkey.replace("unix://", "unix://nobody:canary@"))) as links,
        pytest.raises(StoreUnavailable) as refused,
    ):
        links.call((b"PING",))

    assert str(refused.value) == "The store refuses the user or the password of its URL. Tell the operator."


def test_a_cluster_that_does_not_say_where_each_slot_is_has_no_answer():
    all_but_one = b"*1\r\n*3\r\n:0\r\n:16382\r\n*2\r\n$9\r\n127.0.0.1\r\n:7000\r\n"

    with answering(lambda _words: all_but_one) as port, pytest.raises(LinkLost):
        Cluster(StoreUrl.parse(f"cluster://127.0.0.1:{port}")).pool(KEY)


def test_a_scan_goes_to_its_end(links):
    links.call(*((b"SET", b"scanned:%d" % number, b"") for number in range(12_000)))

    assert len(set(links.scan(b"scanned:*"))) == 12_000


def test_a_scan_does_not_go_on_with_another_connection(links):
    links.call(*((b"SET", b"scanned:%d" % number, b"") for number in range(12_000)))
    scan = links.scan(b"scanned:*")
    next(scan)
    links.call((b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"))

    with pytest.raises(StoreUnavailable):
        list(scan)


# --- replicas


def test_each_replica_that_is_asked_for_must_have_a_write(tmp_path):
    with running_node(tmp_path / "primary") as primary, running_node(tmp_path / "replica") as replica:
        replica.follow(primary)

        with closing(Links.to(f"redis://{primary.address}", replicas=1)) as links:
            assert links.record(KEY, (b"SET", KEY, b"v")) == [b"OK"]
            assert links.confirmed(KEY, (b"GET", KEY)) == [b"v"]
        with closing(Links.to(f"redis://{primary.address}", replicas=2)) as links:
            with pytest.raises(StoreUnavailable):
                links.record(KEY, (b"SET", KEY, b"v"))
            with pytest.raises(StoreUnavailable):
                links.confirmed(KEY, (b"GET", KEY))
