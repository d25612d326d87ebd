"""Cursors: of use to callers with the very same organizations of the same environment, and to nobody else."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.ids import OrgId
from sealring.domain.ports import Order
from sealring.errors import MalformedRequest
from sealring.services.cursors import Cursor, Cursors, IssuedAs
from support.make import ACME, BETA, OTHER_ENVIRONMENT, SCOPED, principal
from support.stores import KEYS

CURSORS = Cursors(KEYS)
CURSOR = Cursor(IssuedAs.AFTER, Order.DESCENDING, (5, b"a" * 16), (3, b"b" * 16), None)

CALLERS = {
    "one organization": principal(ACME),
    "another organization": principal(BETA),
    "both": principal(ACME, BETA),
    "their names as one": principal(OrgId(ACME + BETA)),
    "all organizations": principal(),
    "an organization called *": principal(OrgId("*")),  # org_id() takes none of that name
    "no organization": principal(permissions=SCOPED),
    "elsewhere, one organization": principal(ACME, environment=OTHER_ENVIRONMENT),
    "elsewhere, all organizations": principal(environment=OTHER_ENVIRONMENT),
}

positions = st.tuples(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16))
cursors = st.builds(
    Cursor,
    st.sampled_from(IssuedAs),
    st.sampled_from(Order),
    positions,
    positions,
    st.none() | st.integers(1, 2**64 - 1),
)


@given(cursors)
def test_a_cursor_is_read_back(cursor):
    caller = CALLERS["both"]

    assert CURSORS.decode(CURSORS.encode(cursor, caller), caller) == cursor


@pytest.mark.parametrize(("issued_for", "sent_by"), list(itertools.permutations(CALLERS, 2)))
def test_a_cursor_is_refused_to_every_other_caller(issued_for, sent_by):
    text = CURSORS.encode(CURSOR, CALLERS[issued_for])

    assert CURSORS.decode(text, CALLERS[issued_for]) == CURSOR
    with pytest.raises(MalformedRequest):
        CURSORS.decode(text, CALLERS[sent_by])


def test_a_cursor_is_good_for_another_caller_with_the_same_organizations():
    text = CURSORS.encode(CURSOR, principal(ACME, BETA, subject="alice"))

    assert CURSORS.decode(text, principal(BETA, ACME, subject="bob")) == CURSOR


def test_a_cursor_is_refused_by_another_store():
    text = CURSORS.encode(CURSOR, CALLERS["both"])

    with pytest.raises(MalformedRequest):
        Cursors(StoreKeys(bytes(32))).decode(text, CALLERS["both"])
