"""A store is ready while it takes writes and each of its partitions is there: what reads alone still answer is not."""

import pytest

from sealring.errors import StoreFull, StoreLost
from sealring.store.redis_layout import READY, check_writable
from support.stores import parts_on


@pytest.fixture
def parts(links):
    parts = parts_on(links)
    parts.markers.begin()
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


@pytest.mark.parametrize("partition", range(4))
def test_a_store_that_lost_a_partition_is_not_ready(links, parts, partition):
    links.call((b"DEL", b"s1:{%d}:z" % partition))

    with pytest.raises(StoreLost):
        check_writable(parts)
