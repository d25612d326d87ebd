"""The links of a node: fibers share one connection and one attempt to make it, also beside threads."""

import threading

import pytest

from sealring import fibers
from sealring.store.connection.link import LinkLost
from sealring.store.connection.pool import Pool
from support.loop import in_fibers

KEY = b"s1:{0}:o:test"


def test_fibers_share_one_connection_and_one_attempt_to_make_it(links, used):
    before = clients(links)

    used(*[lambda: links.call((b"ECHO", b"x"))] * 50)

    assert clients(links) - before == 2  # one is of this thread


def clients(links):
    """How many connections were ever made."""
    (told,) = links.call((b"INFO", b"stats"))
    return int(told.partition(b"total_connections_received:")[2].split(b"\r\n")[0])


def test_all_fibers_learn_from_one_attempt_that_a_node_is_away():
    attempts = []

    def connect():
        attempts.append(threading.get_ident())
        raise OSError("away")

    pool = Pool(connect)
    outcomes = in_fibers(*[pool.shared] * 20, lambda: pool.borrow().__enter__())

    for outcome in outcomes:
        with pytest.raises(LinkLost):
            outcome.get()
    assert len(attempts) == 1
    assert attempts[0] != threading.get_ident()


def test_what_was_sent_is_answered_although_the_store_is_looked_for_again(links, used):
    def asks():
        return links.call((b"ECHO", b"x"))

    def looks():
        links.look_again()
        return links.call((b"ECHO", b"y"))

    outcomes = used(asks, asks, looks, asks)

    assert [each.get() for each in outcomes] == [[b"x"], [b"x"], [b"y"], [b"x"]]


def test_a_thread_that_looks_again_leaves_the_links_of_the_loop_to_the_loop(links, used):
    def works():
        one = links._topology.pool(KEY).shared()
        looking = threading.Thread(target=links.look_again)
        looking.start()
        looking.join(10)
        lost = [one.lost]
        links.call((b"ECHO", b"x"))
        return (*lost, one.lost)

    (outcome,) = used(works)

    assert outcome.get() == (False, True)


def test_threads_and_fibers_use_the_same_links_at_once(links, used):
    answers = []

    def in_thread():
        answers.extend(links.call((b"ECHO", b"thread"))[0] for _ in range(50))

    def works():
        thread = threading.Thread(target=in_thread)
        thread.start()
        mine = [links.call((b"ECHO", b"fiber"))[0] for _ in range(50)]
        fibers.aside(lambda: thread.join(10), fibers.Lane.STORE)
        return mine

    (outcome,) = used(works)

    assert outcome.get() == [b"fiber"] * 50
    assert answers == [b"thread"] * 50
