"""Data keys that a binding allows to keep: for its time, for its place, and wiped afterwards."""

import pytest

from sealring.domain.envelope import Wrap
from sealring.keys.opened_keys import SIZE, OpenedKeys
from support.clock import Clock


@pytest.fixture
def clock():
    return Clock(0.0)


@pytest.fixture
def opened(clock):
    return OpenedKeys(clock)


def wrap(kek=b"k" * 16, blob=b"blob"):
    return Wrap("cmk", kek, 1, "alg", 0, blob)


def test_a_key_is_kept_for_its_time(opened, clock):
    opened.put(wrap(), b"aad", bytearray(b"dek"), 60)

    clock.now = 59.9
    assert opened.get(wrap(), b"aad") == b"dek"
    clock.now = 60.0
    assert opened.get(wrap(), b"aad") is None


def test_its_time_begins_when_the_key_was_asked_and_not_when_it_was_used(opened, clock):
    opened.put(wrap(), b"aad", bytearray(b"dek"), 60)
    clock.now = 59.0
    opened.put(wrap(), b"aad", bytearray(b"dek"), 60)

    clock.now = 61.0
    assert opened.get(wrap(), b"aad") is None


@pytest.mark.parametrize(
    ("other", "aad"), [(wrap(kek=b"x" * 16), b"aad"), (wrap(blob=b"other"), b"aad"), (wrap(), b"other")]
)
def test_another_wrap_or_place_is_another_key(opened, other, aad):
    opened.put(wrap(), b"aad", bytearray(b"dek"), 60)

    assert opened.get(other, aad) is None


def test_the_caller_gets_a_copy_that_can_be_wiped(opened):
    opened.put(wrap(), b"aad", bytearray(b"dek"), 60)
    opened.get(wrap(), b"aad")[:] = b"\0\0\0"

    assert opened.get(wrap(), b"aad") == b"dek"


def test_what_a_refused_key_opened_is_forgotten(opened):
    opened.put(wrap(), b"aad", bytearray(b"dek"), 60)
    opened.put(wrap(kek=b"x" * 16), b"aad", bytearray(b"other"), 60)

    opened.forget(b"k" * 16)

    assert opened.get(wrap(), b"aad") is None
    assert opened.get(wrap(kek=b"x" * 16), b"aad") == b"other"


def test_what_is_dropped_is_wiped(opened):
    opened.put(wrap(), b"aad", bytearray(b"dek"), 60)
    (entry,) = opened._entries.values()

    opened.forget(b"k" * 16)

    assert entry[2] == b"\0\0\0"


def test_what_has_ended_is_wiped_when_it_is_asked_for(opened, clock):
    opened.put(wrap(), b"aad", bytearray(b"dek"), 60)
    (entry,) = opened._entries.values()

    clock.now = 60.0
    opened.get(wrap(), b"aad")

    assert entry[2] == b"\0\0\0"


def test_what_leaves_for_want_of_room_is_wiped(opened):
    opened.put(wrap(blob=b"first"), b"aad", bytearray(b"dek"), 60)
    (entry,) = opened._entries.values()

    for number in range(SIZE):
        opened.put(wrap(blob=b"%d" % number), b"aad", bytearray(b"dek"), 60)

    assert entry[2] == b"\0\0\0"


def test_the_oldest_leaves_when_there_is_no_room(opened):
    for number in range(SIZE + 1):
        opened.put(wrap(blob=b"%d" % number), b"aad", bytearray(b"dek"), 60)

    assert opened.get(wrap(blob=b"0"), b"aad") is None
    assert opened.get(wrap(blob=b"%d" % SIZE), b"aad") == b"dek"
