"""Tokens of the portal: 32 random bytes beside their partition, in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.portal import PortalToken, id_of, partition_of


def test_a_token_has_thirty_two_random_bytes():
    secrets = [PortalToken.new(7).secret for _ in range(16)]

    assert {len(each) for each in secrets} == {32}
    assert all(len(set(place)) > 1 for place in zip(*secrets, strict=True))


@given(st.integers(0, (1 << 16) - 1), st.binary(min_size=32, max_size=32))
def test_a_token_is_read_as_it_was_written(partition, secret):
    token = PortalToken(partition, secret)

    assert len(token.text) == 46
    assert PortalToken.read(token.text) == token


@given(st.text(max_size=60))
def test_any_other_text_is_a_token_that_nobody_has(text):
    token = PortalToken.read(text)

    assert token.text == text or token == PortalToken(0, b"")


def test_no_token_is_shown():
    assert repr(PortalToken(7, b"secret" * 5 + b"!!")) == "PortalToken(partition=7)"


@pytest.mark.parametrize("partition", [0, 1, 4095])
def test_an_id_names_its_partition(partition):
    raw_id = id_of(partition, bytes(range(16)))

    assert (len(raw_id), partition_of(raw_id)) == (16, partition)
