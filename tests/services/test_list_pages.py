"""Cursors of lists go forward and back, and nothing that was altered is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.ports import Order
from sealring.errors import MalformedRequest
from services.shelf import EVERYWHERE, Shelf
from support import stores
from support.make import ACME, BETA, caller


@pytest.fixture(params=[stores.memory, stores.on_fakeredis])
def shelf(request):
    return Shelf(request.param())


def test_a_first_page_with_more_to_come_has_both_cursors(shelf):
    for _ in range(3):
        shelf.add()

    page = shelf.page(limit=2)

    assert page.after is not None
    assert page.before is not None


def test_a_first_page_that_is_all_has_no_cursor(shelf):
    shelf.add()

    page = shelf.page(limit=2)

    assert (page.before, page.after) == (None, None)


def test_after_goes_on_and_ends(shelf):
    for _ in range(3):
        shelf.add()

    last = shelf.page(limit=2, after=shelf.page(limit=2).after)

    assert [row.name for row in last.rows] == ["object 1"]
    assert last.after is None
    assert last.before is not None


def test_before_goes_back(shelf):
    for _ in range(5):
        shelf.add()
    first = shelf.page(limit=2)
    second = shelf.page(limit=2, after=first.after)
    third = shelf.page(limit=2, after=second.after)

    back = shelf.page(limit=2, before=third.before)

    assert back.rows == second.rows
    assert shelf.page(limit=2, before=back.before).rows == first.rows
    assert shelf.page(limit=2, after=back.after).rows == third.rows


def test_an_early_loop_that_sends_before_as_after_goes_forward_and_ends(shelf):
    for _ in range(5):
        shelf.add()
    page = shelf.page(limit=2)
    pages = [[row.name for row in page.rows]]

    while page.before is not None:
        page = shelf.page(limit=2, after=page.before)
        pages.append([row.name for row in page.rows])

    assert pages == [["object 5", "object 4"], ["object 3", "object 2"], ["object 1"]]


def test_a_cursor_keeps_its_order_where_the_client_drops_it(shelf):
    for _ in range(3):
        shelf.add()
    first = shelf.page(limit=2, order=Order.ASCENDING)

    assert [row.name for row in shelf.page(limit=2, after=first.after).rows] == ["object 3"]


def test_a_cursor_of_another_order_is_refused(shelf):
    for _ in range(3):
        shelf.add()
    first = shelf.page(limit=2, order=Order.ASCENDING)

    with pytest.raises(MalformedRequest):
        shelf.page(limit=2, after=first.after, order=Order.DESCENDING)


def test_both_cursors_at_once_are_refused(shelf):
    for _ in range(3):
        shelf.add()
    first = shelf.page(limit=2)

    with pytest.raises(MalformedRequest):
        shelf.page(after=first.after, before=first.before)


@pytest.mark.parametrize("stranger", [caller(BETA), caller(ACME, BETA), EVERYWHERE])
def test_a_cursor_of_other_organizations_is_refused(shelf, stranger):
    for _ in range(3):
        shelf.add()
    first = shelf.page(limit=2)

    with pytest.raises(MalformedRequest):
        shelf.page(stranger, limit=2, after=first.after)


@given(st.text(max_size=120))
def test_noise_is_no_cursor(noise):
    with pytest.raises(MalformedRequest):
        Shelf(stores.memory()).page(after=noise)


def test_each_bit_of_a_cursor_counts(shelf):
    for _ in range(3):
        shelf.add()
    cursor = shelf.page(limit=2).after
    for position in range(len(cursor)):
        other = "A" if cursor[position] != "A" else "B"
        with pytest.raises(MalformedRequest):
            shelf.page(limit=2, after=cursor[:position] + other + cursor[position + 1 :])
