"""A store is ready while it takes writes and all of it is there: what reads alone still answer is not."""

import pytest

from sealring.errors import StoreFull, StoreLost
from sealring.store.layout import LAYOUT, READY, check_writable
from support.stores import parts_on

MARKERS = [b"s1:{%d}:z" % partition for partition in range(4)]


@pytest.fixture
def parts(links):
    """That it has a layout is enough here."""
    parts = parts_on(links)
    parts.markers.begin()
    links.call((b"SET", LAYOUT, b"a layout"))
    return parts


def test_a_store_that_takes_writes_is_ready_and_keeps_nothing_of_being_asked(links, parts):
    check_writable(parts)

    assert 0 < links.call((b"TTL", READY))[0] <= 60


def test_a_store_that_takes_no_writes_is_not_ready(links, parts):
    links.call((b"CONFIG", b"SET", b"maxmemory", b"1"))
    try:
        with pytest.raises(StoreFull):
            check_writable(parts)
    finally:
        links.call((b"CONFIG", b"SET", b"maxmemory", b"0"))


@pytest.mark.parametrize("part", [LAYOUT, *MARKERS])
def test_a_store_that_lost_a_part_is_not_ready_and_nothing_is_written_into_it(links, parts, part):
    links.call((b"DEL", part))

    with pytest.raises(StoreLost):
        check_writable(parts)

    assert links.call((b"EXISTS", READY)) == [0]
