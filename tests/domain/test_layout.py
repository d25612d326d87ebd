"""The layout record: read as it was written, or refused."""

from dataclasses import replace

import pytest

from sealring.domain.layout import Layout, layout_aad
from sealring.domain.wire import MalformedBytes
from sealring.keys.store_key import make_layout
from support.make import gateway


@pytest.fixture(scope="module")
def layout():
    return make_layout(gateway(), "local", 64)


def test_a_layout_is_read_back(layout):
    assert Layout.decode(layout.encode()) == layout


@pytest.mark.parametrize("partitions", [1, 4096])
def test_1_to_4096_partitions_are_taken(layout, partitions):
    assert Layout.decode(replace(layout, partitions=partitions).encode()).partitions == partitions


@pytest.mark.parametrize("partitions", [0, 4097])
def test_any_other_number_of_partitions_is_refused(layout, partitions):
    with pytest.raises(MalformedBytes):
        Layout.decode(replace(layout, partitions=partitions).encode())


@pytest.mark.parametrize("step", [-1, 1])
def test_a_layout_of_another_format_is_refused(layout, step):
    raw = layout.encode()

    with pytest.raises(MalformedBytes, match="another format"):
        Layout.decode(bytes((raw[0] + step,)) + raw[1:])


def test_a_byte_more_or_fewer_is_refused(layout):
    for raw in (layout.encode()[:-1], layout.encode() + b"\0"):
        with pytest.raises(MalformedBytes):
            Layout.decode(raw)


def test_a_store_key_is_bound_to_its_store_its_partitions_and_its_key():
    bound = layout_aad(64, bytes(16), bytes(range(16)))

    assert bound == b"sealring/v1/layout\x03\x00\x40" + bytes(16) + bytes(range(16))
    assert bound != layout_aad(65, bytes(16), bytes(range(16)))
    assert bound != layout_aad(64, bytes(15) + b"\1", bytes(range(16)))
    assert bound != layout_aad(64, bytes(16), bytes(16))
