"""Lists: in their order, of whom the caller may see, and whole while others write."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealring.domain.ports import Order
from sealring.errors import Forbidden
from services.shelf import EVERYWHERE, ME, Shelf
from support import stores
from support.make import ACME, BETA, caller


@pytest.fixture(params=[stores.memory, stores.on_fakeredis])
def shelf(request):
    return Shelf(request.param())


def test_the_newest_comes_first(shelf):
    for _ in range(3):
        shelf.add()

    assert shelf.names() == ["object 3", "object 2", "object 1"]


def test_the_order_can_be_turned(shelf):
    for _ in range(3):
        shelf.add()

    assert shelf.names(order=Order.ASCENDING) == ["object 1", "object 2", "object 3"]


def test_an_updated_object_comes_first_again(shelf):
    first = shelf.add()
    shelf.add()

    shelf.touch(first)

    assert shelf.names() == ["object 1", "object 2"]


def test_a_deleted_object_is_not_listed(shelf):
    shelf.remove(shelf.add())

    assert shelf.names() == []


def test_another_organization_is_not_listed(shelf):
    shelf.add(BETA)

    assert shelf.names() == []


def test_a_caller_for_all_sees_every_organization_in_one_order(shelf):
    for org in (ACME, BETA, ACME):
        shelf.add(org)

    assert shelf.names(EVERYWHERE) == ["object 3", "object 2", "object 1"]


def test_a_caller_for_two_organizations_sees_both(shelf):
    for org in (ACME, BETA, "org_c"):
        shelf.add(org)

    assert shelf.names(caller(ACME, BETA)) == ["object 2", "object 1"]


@pytest.mark.parametrize("who", [caller(ACME, BETA), EVERYWHERE, caller(BETA)])
def test_a_list_can_be_of_one_organization(shelf, who):
    for org in (ACME, BETA, ACME):
        shelf.add(org)

    assert shelf.names(who, org=BETA) == ["object 2"]


def test_a_list_of_an_organization_that_the_token_lacks_is_refused(shelf):
    with pytest.raises(Forbidden):
        shelf.page(ME, org=BETA)


def test_a_list_of_one_organization_counts_for_it(shelf):
    acting = []

    shelf.page(replace(EVERYWHERE, acts_for=acting.append), org=BETA)

    assert acting == [BETA]


def test_a_search_finds_part_of_a_name_in_any_case(shelf):
    for name in ("Straße", "street", "STRASSE 2"):
        shelf.add(name=name)

    assert shelf.names(search="strasse") == ["STRASSE 2", "Straße"]
    assert shelf.names(search="STRAßE") == ["STRASSE 2", "Straße"]


def test_a_search_looks_beyond_the_first_chunk(shelf):
    shelf.add(name="needle")
    for _ in range(30):
        shelf.add()

    assert shelf.names(search="needle", limit=2) == ["needle"]


def test_a_page_of_all_organizations_has_its_rows_wherever_they_lie():
    shelf = Shelf(stores.on_fakeredis(partitions=64))
    for number in range(60):
        shelf.add(BETA if number % 20 == 0 else ACME)

    first = shelf.page(EVERYWHERE, limit=50)
    rest = shelf.page(EVERYWHERE, limit=50, after=first.after)

    assert [row.name for row in (*first.rows, *rest.rows)] == [f"object {number}" for number in range(60, 0, -1)]


def test_updated_after_is_strict_in_what_is_shown(shelf):
    shelf.add()
    shown = shelf.page().rows[0].updated_at // 1000 * 1000

    assert shelf.names(updated_after=shown) == []
    assert shelf.names(updated_after=shown - 1) == ["object 1"]


# --- while others write


writes = st.lists(
    st.tuples(st.sampled_from(["add", "touch", "remove"]), st.integers(0, 30), st.sampled_from([ACME, BETA])),
    max_size=4,
)


@settings(max_examples=60)
@given(
    before=st.lists(st.sampled_from([ACME, BETA]), max_size=12),
    rounds=st.lists(writes, max_size=12),
    limit=st.integers(1, 5),
    order=st.sampled_from(Order),
    who=st.sampled_from([ME, EVERYWHERE, caller(ACME, BETA)]),
    make=st.sampled_from([stores.memory, stores.on_fakeredis]),
)
def test_a_walk_shows_each_untouched_row_once_in_order_whatever_others_write(before, rounds, limit, order, who, make):
    shelf = Shelf(make())
    ids = [shelf.add(org) for org in before]
    expected = list(shelf.page(who, limit=100, order=order).rows)
    touched, seen, pending = set(), [], iter(rounds)

    page = shelf.page(who, limit=limit, order=order)
    while True:
        seen += page.rows
        for kind, number, org in next(pending, []):
            touched |= write(shelf, ids, kind, number, org)
        if page.after is None:
            break
        page = shelf.page(who, limit=limit, after=page.after)

    positions = [row.position for row in seen]
    assert positions == sorted(positions, reverse=order is Order.DESCENDING)
    assert len({row.id for row in seen}) == len(seen)
    assert [row for row in seen if row.id not in touched] == [row for row in expected if row.id not in touched]


def write(shelf, ids, kind, number, org):
    """Do it, and return the ids of the rows that it moved."""
    if kind == "add" or not ids:
        made = shelf.add(org)
        ids.append(made)
        return {made.raw}
    object_id = ids[number % len(ids)]
    if kind == "touch":
        shelf.touch(object_id)
    else:
        shelf.remove(object_id)
        ids.remove(object_id)
    return {object_id.raw}
