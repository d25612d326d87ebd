"""What a use of a keyring costs: the median, and every request that the storage gets until the next use."""

from functools import partial

import bucket
from bucket import Way

from faults.proxy import Fault


def asking(way, *sent):
    for each in sent:
        way.plan(each)


def test_requests_are_counted_and_the_bodies_after_them_are_not(monkeypatch):
    monkeypatch.setattr(bucket, "_APART_S", 0)
    way = Way(0)
    uses = [partial(asking, way, b"PUT /b/key HTTP/1.1\r\n", b"the body", b"GET /b/key HTTP/1.1\r\n")] * 3

    assert way.cost(uses).requests == 2


def test_what_is_asked_beside_the_answer_belongs_to_its_use(monkeypatch):
    way = Way(0)
    monkeypatch.setattr("time.sleep", lambda _s: way.plan(b"GET /b/key HTTP/1.1\r\n"))

    assert way.cost([lambda: None] * 3).requests == 1


def test_only_a_storage_that_is_far_holds_its_answers_back():
    assert [Way(delay_s).plan(b"GET / HTTP/1.1\r\n") for delay_s in (0, 0.02)] == [None, Fault.DELAY]
