"""The doctor reads from INFO and the clock what will be trouble soon."""

import time
from itertools import count

import pytest

from sealring.operator.embedded import EmbeddedValkey
from sealring.store.connection.durability import StoreFacts
from sealring.store.doctor.diagnosis import Grade
from sealring.store.doctor.vital_signs import vital_signs
from store.doctor_kit import examined


@pytest.fixture
def url(tmp_path):
    """A Valkey that a test may set as it likes."""
    with EmbeddedValkey(tmp_path) as store:
        yield store.url


def looked(name, **info):
    """What the check of that name makes of these lines of INFO."""
    facts = StoreFacts({}, {"redis_version": "7.2.4", **info})
    (check,) = [each for each in vital_signs([facts]) if each.name == name]
    found = check.look(None)
    return found.grade.value, found.meaning


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"redis_version": "6.2.14"}, ("failed", "redis 6.2.14 is too old")),
        ({"redis_version": "7.0.15", "connected_slaves": "2"}, ("ok", "redis 7.0.15, 2 replicas")),
        ({"redis_version": "10.0.0", "connected_slaves": "0"}, ("ok", "redis 10.0.0, 0 replicas")),
        (
            {"server_name": "valkey", "valkey_version": "9.1.2", "connected_slaves": "0"},
            ("ok", "valkey 9.1.2, 0 replicas"),
        ),
    ],
)
def test_a_version_below_7_0_fails(info, expected):
    assert looked("server", **info) == expected


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"used_memory": "786432", "maxmemory": "1048576"}, ("ok", "1 of 1 MiB used")),
        ({"used_memory": "786433", "maxmemory": "1048576"}, ("warning", "1 of 1 MiB used")),
        (
            {"used_memory": "1", "maxmemory": "0", "total_system_memory": "2097152"},
            ("warning", "0 of 2 MiB used, which is all that the machine has"),
        ),
        ({}, ("warning", "the store does not report how much it may use")),
    ],
)
def test_three_quarters_of_the_memory_are_a_warning(info, expected):
    assert looked("memory", **info) == expected


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"aof_last_write_status": "err"}, ("failed", "the last write to its file failed")),
        ({"aof_last_bgrewrite_status": "err"}, ("warning", "aof_last_bgrewrite_status is err")),
        ({"rdb_last_bgsave_status": "err"}, ("warning", "rdb_last_bgsave_status is err")),
    ],
)
def test_a_file_that_cannot_be_written_is_told(info, expected):
    assert looked("persistence", **info) == expected


@pytest.mark.parametrize(("ours_s", "said"), [(-10.0, "ahead of"), (10.0, "behind")])
def test_a_clock_that_is_off_is_a_warning(url, monkeypatch, ours_s, said):
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ours_s)

    found = examined(url)

    assert found["clock"].grade is Grade.WARNING
    assert f"10.0 s {said} ours" in found["clock"].meaning


def test_a_store_that_is_far_away_is_a_warning(url, monkeypatch):
    ticks = count(step=0.006)
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))

    found = examined(url)

    assert found["round trip"].grade is Grade.WARNING
    assert found["round trip"].meaning.startswith("6.0 ms")
