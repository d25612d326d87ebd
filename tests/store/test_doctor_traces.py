"""The doctor leaves nothing behind, and empties no store that holds keys."""

import re

import pytest
import redis

from sealring.operator.embedded import EmbeddedValkey
from sealring.store.connection.links import Links
from sealring.store.doctor.diagnosis import Grade
from sealring.store.doctor.examination import examine
from store.doctor_kit import examined, named


@pytest.fixture
def url(tmp_path):
    """A Valkey that a test may set as it likes."""
    with EmbeddedValkey(tmp_path) as store:
        yield store.url


@pytest.fixture
def client(url):
    with redis.Redis.from_url(url) as client:
        yield client


def calls_of(client, command):
    return client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]


def test_it_leaves_nothing_behind_and_touches_no_other_key(url, client):
    client.set("s1:layout", "ours")

    examined(url)

    assert client.keys() == [b"s1:layout"]
    assert client.get("s1:layout") == b"ours"


def test_its_keys_would_end_by_themselves(url, client):
    seen = {}
    for _ in examine(Links.to(url), destructive=False):
        seen |= {key: client.pttl(key) for key in client.scan_iter()}

    assert len(seen) > 5
    assert all(re.fullmatch(rb"s1-doctor:\{[0-9a-f]{16}\}:[a-z ]+", key) for key in seen)
    assert [key for key, left in seen.items() if not 0 < left <= 60_000] == []


def test_it_leaves_nothing_behind_when_it_is_stopped_halfway(url, client):
    examination = examine(Links.to(url), destructive=False)
    for _ in range(8):
        next(examination)

    examination.close()

    assert client.dbsize() == 0


def test_flushall_is_not_sent(url, client):
    examined(url)

    assert calls_of(client, "set") > 0
    assert calls_of(client, "flushall") == calls_of(client, "flushdb") == 0


@pytest.mark.parametrize("database", [0, 1])
def test_flushall_is_not_sent_to_a_store_that_holds_keys(url, client, database):
    with redis.Redis.from_url(f"{url}?db={database}") as other:
        other.set("kept", "value")

        found = examined(url, destructive=True)

        assert other.get("kept") == b"value"
    assert calls_of(client, "flushall") == 0
    assert named(found, Grade.FAILED) == ["WATCH, FLUSHALL"]


def test_flushall_is_tried_on_an_empty_store_when_asked_for(url, client):
    found = examined(url, destructive=True)

    assert calls_of(client, "flushall") == 1
    assert named(found, Grade.FAILED, Grade.NOTE) == []
