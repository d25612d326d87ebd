"""What was known of one generation of a store is forgotten when another is met, once and before anything else is read."""

from threading import Thread

import pytest

from sealring.errors import StoreLost
from support.stores import STORE_ID, parts_on
from support.tampering import every_bit_of


def marker_key(partition):
    return b"s1:{%d}:z" % partition


@pytest.fixture
def forgetting(links):
    """Markers that know the first generation, and how often something was forgotten."""
    markers, forgotten = parts_on(links).markers, []
    markers.begin()
    markers.when_renewed(lambda: forgotten.append(True))
    markers.check_all()
    return markers, forgotten


def test_what_was_never_known_is_not_forgotten(forgetting):
    markers, forgotten = forgetting

    markers.check_all()

    assert forgotten == []


def test_another_generation_is_taken_and_all_that_was_known_is_forgotten_once(links, forgetting):
    markers, forgotten = forgetting
    parts_on(links).markers.begin_again()

    for partition in (2, 0, 2):
        assert markers.load(partition, (b"EXISTS", b"s1:{%d}:o" % partition)) == [0]
    markers.check_all()

    assert forgotten == [True]


def test_nothing_of_another_generation_is_read_before_all_that_was_known_is_forgotten(links):
    markers, order = parts_on(links).markers, []
    markers.begin()
    markers.check_all()
    readers = [Thread(target=lambda: order.append(markers.load(0, (b"EXISTS", b"s1:{0}:o"))))]

    def forget():
        readers[0].start()
        readers[0].join(0.2)  # it must not end, however long it may
        order.append("forgotten")

    markers.when_renewed(forget)
    parts_on(links).markers.begin_again()
    markers.check_all()
    readers[0].join(10)

    assert order == ["forgotten", [0]]


def test_a_new_store_is_of_the_same_generation_however_often_it_is_made_ready(links, forgetting):
    markers, forgotten = forgetting

    parts_on(links).markers.begin()
    markers.check_all()

    assert forgotten == []


def test_a_generation_is_random_and_the_same_in_all_partitions(links):
    made = []
    for _ in range(2):
        parts_on(links).markers.begin_again()
        found = links.call(*((b"GET", marker_key(partition)) for partition in range(4)))
        assert [raw[:16] for raw in found] == [STORE_ID] * 4
        assert len({raw[16:32] for raw in found}) == 1
        assert len({raw[32:] for raw in found}) == 4
        made.append(found[0][16:32])

    assert len({*made, STORE_ID}) == 3


@pytest.mark.parametrize("raw", [b"", b"0", b"\0" * 48])
def test_a_worker_that_knows_no_generation_yet_takes_nothing_else_for_a_marker(links, forgetting, raw):
    links.call((b"SET", marker_key(1), raw))

    with pytest.raises(StoreLost):
        parts_on(links).markers.load(1, (b"EXISTS", b"s1:{1}:o"))


def test_each_bit_of_a_marker_counts(links, forgetting):
    markers, _ = forgetting
    (raw,) = links.call((b"GET", marker_key(1)))
    accepted = 0
    for flipped in [*every_bit_of(raw), raw[:-1], raw + b"\0", b"", raw[:32]]:
        links.call((b"SET", marker_key(1), flipped))
        try:
            markers.load(1, (b"TIME",))
        except StoreLost:
            continue
        accepted += 1

    assert accepted == 0
    assert len(raw) == 48
