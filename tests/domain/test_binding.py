"""Bindings by themselves: which contexts they match, what they guard, and what their turns leave open."""

from dataclasses import replace

import pytest

from sealring.domain.binding import Binding, BindingState, governing, matching
from sealring.domain.envelope import Combine
from support.make import ACME, BETA, ENVIRONMENT, context

ACTIVE, PENDING, RETIRED, SUSPENDED = (
    BindingState.ACTIVE,
    BindingState.PENDING,
    BindingState.RETIRED,
    BindingState.SUSPENDED,
)


def binding(number=1, *, state=ACTIVE, shut=False, match=()):
    return Binding(
        id=bytes((number,)) * 16,
        environment=ENVIRONMENT,
        org=ACME,
        match=tuple(sorted(match)),
        provider="cmk",
        key="key_one",
        options=(),
        combine=Combine.ALL,
        show=(),
        max_stale_decrypt_s=0,
        replaces=b"",
        state=state,
        shut=shut,
        created_at=1_000,
        updated_at=2_000,
    )


CARDS = binding(match=[("type", "card"), ("zone", "eu")])


@pytest.mark.parametrize(
    ("pairs", "matches"),
    [
        ({"type": "card", "zone": "eu"}, True),
        ({"type": "card", "zone": "eu", "name": "x"}, True),
        ({"type": "card"}, False),
        ({"zone": "eu"}, False),
        ({"type": "card", "zone": "us"}, False),
        ({}, False),
    ],
)
def test_a_context_matches_that_has_all_pairs(pairs, matches):
    assert CARDS.matches(context(organization_id=ACME, **pairs)) is matches


def test_a_context_of_another_organization_never_matches():
    assert not CARDS.matches(context(organization_id=BETA, type="card", zone="eu"))
    assert not binding().matches(context(organization_id=BETA))
    assert not binding().matches(context(type="card"))


@pytest.mark.parametrize(("state", "guards"), [(PENDING, False), (ACTIVE, True), (SUSPENDED, True), (RETIRED, False)])
def test_an_active_or_suspended_binding_guards_what_it_matches(state, guards):
    made = binding(state=state)

    assert matching([made], context(organization_id=ACME)) == ((made,) if guards else ())


def test_bindings_guard_in_the_order_of_their_ids():
    assert [each.id[0] for each in matching([binding(2), binding(1)], context(organization_id=ACME))] == [1, 2]


@pytest.mark.parametrize("was_shut", [False, True])
@pytest.mark.parametrize(("state", "shut"), [(ACTIVE, False), (SUSPENDED, True), (PENDING, True)])
def test_becoming_active_opens_and_suspending_shuts(was_shut, state, shut):
    turned = binding(shut=was_shut).in_state(state, 3_000)

    assert (turned.state, turned.shut) == (state, shut)


@pytest.mark.parametrize("shut", [False, True])
def test_retiring_leaves_it_as_shut_as_it_was(shut):
    assert binding(shut=shut).in_state(RETIRED, 3_000).shut is shut


def test_a_retired_binding_can_be_closed_and_opened_again():
    closed = binding(state=RETIRED).closed(3_000)

    assert (closed.state, closed.shut) == (RETIRED, True)
    assert (closed.reopened(4_000).state, closed.reopened(4_000).shut) == (RETIRED, False)


@pytest.mark.parametrize(
    "change",
    [
        lambda each, now: each.in_state(SUSPENDED, now),
        lambda each, now: each.closed(now),
        lambda each, now: each.reopened(now),
        lambda each, now: each.verified(None, now),
    ],
    ids=["turned", "closed", "reopened", "verified"],
)
@pytest.mark.parametrize(("now", "updated_at"), [(3_000, 3_000), (2_000, 2_001), (1, 2_001)])
def test_a_change_is_later_than_the_one_before_whatever_the_clock_says(change, now, updated_at):
    assert change(binding(), now).updated_at == updated_at


# --- what decides about requests


def test_what_neither_guards_nor_opens_decides_nothing():
    assert governing([binding(state=PENDING, shut=True), binding(2, state=RETIRED, shut=True)]) == frozenset()


@pytest.mark.parametrize(
    "other",
    [
        binding(2),
        binding(state=SUSPENDED, shut=True),
        binding(state=RETIRED),
        binding(state=RETIRED, shut=True),
    ],
)
def test_another_binding_or_state_decides_otherwise(other):
    assert governing([binding()]) != governing([other])


def test_what_was_found_of_its_key_decides_nothing():
    assert governing([binding()]) == governing([replace(binding(), updated_at=9_000, show=("type",))])
