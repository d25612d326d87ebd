"""The judge of the randomised attack: what it must let pass, and what it must not."""

import pytest

from adversary.history import OURS, Answer, Binding, Bindings, History, State


@pytest.fixture
def history():
    """One binding, asked for at 1 and there at 2; its suspension asked for at 10 and answered at 11."""
    history = History()
    history.changed(1, 2, Bindings({"b": Binding("org", card=False, state=State.ACTIVE)}))
    history.changed(10, 11, history.bindings.in_state("b", State.SUSPENDED))
    return history


def opened(began, ended, *keys):
    return Answer("read", ("org",), began, ended, 200, lambda bindings: bindings.opens(frozenset(keys)))


def sealed(began, ended, *keys, card=False):
    return Answer(
        "seal", ("org",), began, ended, 200, lambda bindings: bindings.seals("org", card=card) == frozenset(keys)
    )


def refused(began, ended):
    return Answer("read", ("org",), began, ended, 424, lambda bindings: not bindings.opens(frozenset({"b"})))


@pytest.mark.parametrize(
    "answer",
    [
        opened(5, 6, "b"),
        opened(5, 60, "b"),
        opened(10.5, 60, "b"),
        opened(50, 60, OURS),
        refused(12, 13),
        refused(9, 10.5),
        sealed(5, 6, "b"),
        sealed(0, 0.5, OURS),
        sealed(1.5, 1.7, OURS),
        sealed(1.5, 1.7, "b"),
    ],
)
def test_what_some_moment_between_request_and_answer_allows_passes(history, answer):
    history.answered(answer)

    assert history.violations() == []


@pytest.mark.parametrize(
    "answer",
    [
        opened(11.5, 60, "b"),
        opened(5, 6, "nobody's"),
        opened(5, 6, "b", "nobody's"),
        refused(5, 6),
        sealed(5, 6, OURS),
        sealed(5, 6, "b", OURS),
        sealed(12, 13, "b"),
        sealed(12, 13, OURS),
        sealed(0, 0.5, "b"),
    ],
)
def test_what_no_moment_between_request_and_answer_allows_is_found(history, answer):
    history.answered(answer)

    assert len(history.violations()) == 1


def test_no_answer_joins_two_states(history):
    """The one was suspended before the other was there."""
    with_other = {"o": Binding("other", card=False, state=State.ACTIVE)}
    history.changed(20, 21, history.bindings.with_these(with_other))
    mixed = Answer(
        "rekey",
        ("org", "other"),
        5,
        60,
        200,
        lambda all_: all_.opens(frozenset({"b"})) and all_.opens(frozenset({"o"})),
    )
    history.answered(mixed)

    assert len(history.violations()) == 1


@pytest.mark.parametrize(("began", "ended", "found"), [(5, 6, 1), (9, 10.5, 0), (5, 60, 0), (12, 60, 1)])
def test_contention_is_allowed_where_ones_own_bindings_change_alone(history, began, ended, found):
    of_others = {"o": Binding("other", card=False, state=State.ACTIVE)}
    history.changed(20, 21, history.bindings.with_these(of_others))
    history.answered(Answer("create", ("org",), began, ended, 503, lambda _: True, contended=True))

    assert len(history.violations()) == found


@pytest.mark.parametrize(
    ("states", "card", "expected"),
    [
        ({}, False, {OURS}),
        ({"all": State.ACTIVE}, True, {"all"}),
        ({"card": State.ACTIVE}, False, {OURS}),
        ({"all": State.ACTIVE, "card": State.ACTIVE}, True, {"all", "card"}),
        ({"all": State.ACTIVE, "card": State.SUSPENDED}, False, {"all"}),
        ({"all": State.ACTIVE, "card": State.SUSPENDED}, True, None),
        ({"all": State.RETIRED}, False, {OURS}),
        ({"all": State.SHUT}, False, {OURS}),
    ],
)
def test_the_keys_of_a_context_are_those_that_match_it(states, card, expected):
    bindings = Bindings({name: Binding("org", card=name == "card", state=state) for name, state in states.items()})

    assert bindings.seals("org", card=card) == (None if expected is None else frozenset(expected))


@pytest.mark.parametrize(
    ("state", "opens"),
    [(State.ACTIVE, True), (State.SUSPENDED, False), (State.RETIRED, True), (State.SHUT, False)],
)
def test_what_was_shut_stays_shut(state, opens):
    bindings = Bindings({"b": Binding("org", card=False, state=state)})

    assert bindings.opens(frozenset({"b"})) is opens
