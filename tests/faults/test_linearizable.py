"""The checker accepts what one copy could have answered, and nothing else."""

import math
import random
import time
from dataclasses import replace
from itertools import chain, combinations, permutations

import pytest

from faults import linearizable as linearizable_module
from faults.linearizable import Operation, Outcome, contradiction, linearizable

OK, NOT_FOUND, CONFLICT, NOTHING, UNKNOWN = Outcome


def create(start, end, value, version="", outcome=OK, object="A"):  # noqa: A002
    return Operation("create", outcome, start, end, object if outcome is OK else "", version, value)


def read(start, end, value="", version="", outcome=OK, object="A"):  # noqa: A002
    return Operation("read", outcome, start, end, object, version, value)


def find(start, end, value="", version="", outcome=OK, object="A"):  # noqa: A002
    return Operation("find", outcome, start, end, object if outcome is OK else "", version, value)


def update(start, end, value, version="", check="", outcome=OK, object="A"):  # noqa: A002
    return Operation("update", outcome, start, end, object, version, value, check)


def delete(start, end, check="", outcome=OK, object="A"):  # noqa: A002
    return Operation("delete", outcome, start, end, object, check=check)


def restore(start, end, outcome=OK, object="A"):  # noqa: A002
    return Operation("restore", outcome, start, end, object)


MADE = create(0, 1, "one", "v1")

RIGHT = {
    "nothing": [],
    "one after another": [MADE, read(2, 3, "one", "v1"), update(4, 5, "two", "v2", "v1"), find(6, 7, "two", "v2")],
    "a read beside an update sees either": [
        MADE, update(2, 9, "two", "v2"), read(3, 4, "one", "v1"), read(5, 6, "two", "v2"),
    ],
    "of two checked updates one wins": [
        MADE, update(2, 9, "two", "v2", "v1"), update(2, 9, "three", check="v1", outcome=CONFLICT),
    ],
    "two unchecked updates at once": [
        MADE, update(2, 9, "two", "v2"), update(2, 9, "three", "v3"), read(10, 11, "two", "v2"),
    ],
    "of two creates one wins": [create(0, 9, "one", "v1"), create(0, 9, "two", outcome=CONFLICT)],
    "a name that is free again": [
        MADE, delete(2, 3), find(4, 5, outcome=NOT_FOUND), create(6, 7, "two", "v2", object="B"),
        read(8, 9, outcome=NOT_FOUND), find(8, 9, "two", "v2", object="B"), restore(8, 9, outcome=CONFLICT),
    ],
    "deleted and restored": [
        MADE, delete(2, 3), update(4, 5, "x", outcome=NOT_FOUND), restore(6, 7), restore(8, 9),
        read(10, 11, "one", "v1"),
    ],
    "an unknown update that took effect": [MADE, update(2, math.inf, "two", outcome=UNKNOWN), read(9, 10, "two", "v2")],
    "an unknown update that took effect late": [
        MADE, update(2, math.inf, "two", outcome=UNKNOWN), read(3, 4, "one", "v1"), read(9, 10, "two", "v2"),
    ],
    "an unknown update that never did": [MADE, update(2, math.inf, "two", outcome=UNKNOWN), read(9, 10, "one", "v1")],
    "an unknown update that nobody saw": [
        MADE, update(2, math.inf, "two", outcome=UNKNOWN), update(9, 10, "x", check="v1", outcome=CONFLICT),
    ],
    "a refused update": [MADE, update(2, 3, "two", outcome=NOTHING), read(9, 10, "one", "v1")],
    "an unknown create": [
        create(0, math.inf, "one", outcome=UNKNOWN), create(2, 3, "two", outcome=CONFLICT), find(4, 5, "one", "v1"),
    ],
    "an unknown delete": [MADE, delete(2, math.inf, outcome=UNKNOWN), find(4, 5, outcome=NOT_FOUND)],
    "two unknown deletes and a restore": [
        MADE, delete(2, math.inf, outcome=UNKNOWN), delete(2, math.inf, outcome=UNKNOWN), find(4, 5, outcome=NOT_FOUND),
        restore(6, 7), read(8, 9, "one", "v1"), find(10, 11, outcome=NOT_FOUND),
    ],
}  # fmt: skip

WRONG = {
    "a lost update": [MADE, update(2, 9, "two", "v2", "v1"), update(2, 9, "three", "v3", "v1")],
    "a lost update behind the answer of another's version": [
        MADE, update(2, 9, "two", "v3"), update(4, 5, "three", "v3"), read(10, 11, "three", "v3"),
    ],
    "a stale read": [MADE, update(2, 3, "two", "v2"), read(4, 5, "one", "v1")],
    "a read that goes back": [MADE, update(2, 9, "two", "v2"), read(3, 4, "two", "v2"), read(5, 6, "one", "v1")],
    "a double application": [
        MADE, update(2, 3, "two", "v2"), update(4, 5, "three", "v3"), read(6, 7, "three", "v3"), read(8, 9, "two", "v2"),
    ],
    "a double application of an unknown update": [
        MADE, update(2, math.inf, "two", outcome=UNKNOWN), read(3, 4, "two", "v2"), update(5, 6, "three", "v3"),
        read(7, 8, "two", "v2"),
    ],
    "a write that was made twice": [MADE, read(2, 3, "one", "v1"), read(4, 5, "one", "v2")],
    "a value that was never written": [MADE, read(2, 3, "two", "v2")],
    "a value before it was written": [MADE, read(2, 3, "two", "v2"), update(4, 5, "two", "v2")],
    "an unknown value before it was written": [MADE, read(2, 3, "two", "v2"), update(4, math.inf, "two", outcome=UNKNOWN)],
    "an acknowledged create that vanished": [MADE, find(2, 3, outcome=NOT_FOUND)],
    "an acknowledged update that vanished": [MADE, update(2, 3, "two", "v2", "v1"), update(4, 5, "three", "v3", "v1")],
    "an acknowledged delete that vanished": [MADE, delete(2, 3), read(4, 5, "one", "v1")],
    "an acknowledged restore that vanished": [MADE, delete(2, 3), restore(4, 5), read(6, 7, outcome=NOT_FOUND)],
    "an unknown update that came and went": [
        MADE, update(2, math.inf, "two", outcome=UNKNOWN), read(3, 4, "two", "v2"), read(5, 6, "one", "v1"),
    ],
    "one unknown delete that did it twice": [
        MADE, delete(2, math.inf, outcome=UNKNOWN), find(4, 5, outcome=NOT_FOUND), restore(6, 7),
        read(8, 9, "one", "v1"), find(10, 11, outcome=NOT_FOUND),
    ],
    "a refused update that took effect": [MADE, update(2, 3, "two", outcome=NOTHING), read(9, 10, "two", "v2")],
    "a false conflict": [MADE, update(2, 3, "two", check="v1", outcome=CONFLICT)],
    "a conflict with one's own write": [
        MADE, update(2, 3, "two", check="v1", outcome=CONFLICT), read(4, 5, "two", "v2"),
    ],
    "a false name exists": [create(0, 1, "one", outcome=CONFLICT)],
    "a name exists for one's own write": [create(0, 1, "one", outcome=CONFLICT), find(2, 3, "one", "v1")],
    "a false not found": [MADE, update(2, 3, "two", outcome=NOT_FOUND)],
    "a restore that does not find": [MADE, delete(2, 3), restore(4, 5, outcome=NOT_FOUND)],
    "a delete that passed over a stale check": [MADE, update(2, 3, "two", "v2"), delete(4, 5, "v1")],
    "one name twice": [MADE, create(2, 3, "two", "v2", object="B")],
    "a restore to a name in use": [MADE, delete(2, 3), create(4, 5, "two", "v2", object="B"), restore(6, 7)],
    "a restore to another version": [
        MADE, update(2, 3, "two", "v2"), delete(4, 5), restore(6, 7), read(8, 9, "one", "v1"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("history", RIGHT.values(), ids=RIGHT.keys())
def test_a_history_that_one_copy_could_have_made_is_accepted(history):
    assert linearizable(history)


@pytest.mark.parametrize("history", WRONG.values(), ids=WRONG.keys())
def test_a_history_that_no_copy_could_have_made_is_refused(history):
    assert not linearizable(history)


def test_a_refusal_names_the_operation_that_does_not_fit():
    stale = read(4, 5, "one", "v1")

    assert contradiction([MADE, update(2, 3, "two", "v2"), stale]) == [stale]


def invented(seed, length):
    """A right history of 6 clients on one name: each operation takes effect at its number; of some, nobody heard."""
    chance = random.Random(seed)
    history = [create(-1, 0.5, "value 0", "v 0")]
    value, live, seen = "value 0", True, {"value 0"}
    for number in range(1, length):
        start, end = number - chance.uniform(0, 3), number + chance.uniform(0, 3)
        kind = chance.choice(["find", "find", "update", "update", "delete", "restore"])
        outcome = OK if live or kind == "restore" else NOT_FOUND
        if kind == "find":
            seen |= {value} if live else set()
            history.append(find(start, end, *((value, f"v{value[5:]}") if live else ()), outcome=outcome))
            continue
        check = f"v{value[5:]}" if kind == "update" and value in seen and chance.random() < 0.7 else ""
        heard = chance.random() < 0.9
        wrote = f"value {number}" if kind == "update" else ""
        version = f"v {number}" if kind == "update" and outcome is OK and heard else ""
        if outcome is OK and (heard or chance.random() < 0.5):
            value, live = wrote or value, kind != "delete"
            seen |= {wrote} if heard else set()
        told = (outcome, start, end) if heard else (UNKNOWN, start, math.inf)
        history.append(Operation(kind, *told, "A", version, wrote, check))
    return history


def test_five_thousand_operations_are_judged_in_seconds():
    histories = [invented(0, 600), *(invented(seed, 110) for seed in range(1, 41))]
    began = time.monotonic()

    assert [len(contradiction(history)) for history in histories] == [0] * 41

    assert sum(map(len, histories)) == 5_000
    assert time.monotonic() - began < 10


def test_one_wrong_answer_among_hundreds_is_found():
    history = invented(0, 600)
    first, last = (next(i for i in order if history[i].kind == "find" and history[i].outcome is OK)
                   for order in (range(600), range(599, 0, -1)))  # fmt: skip
    old, new = history[first], history[last]

    stale = find(new.start, new.end, old.value, old.version)

    assert not linearizable([*history[:last], stale, *history[last + 1 :]])


def judged_by_trying_all(history):
    """The same question, answered without any cleverness."""
    written = {each.value: (each.object, each.version) for each in history if each.version}
    known = [each for each in history if each.outcome is not UNKNOWN]
    unknown = [each for each in history if each.outcome is UNKNOWN]
    for chosen in chain.from_iterable(combinations(unknown, size) for size in range(len(unknown) + 1)):
        for order in permutations([*known, *chosen]):
            if any(later.end < earlier.start for earlier, later in combinations(order, 2)):
                continue
            state = {}
            for each in order:
                state = None if state is None else linearizable_module._after(state, each, written)
            if state is not None:
                return True
    return False


def test_the_search_agrees_with_trying_all_orders():
    chance = random.Random(1)
    verdicts = []
    for seed in range(400):
        history = invented(seed, 7)
        one, other = chance.sample(range(1, 7), 2)
        for here, there in ((one, history[other]), (other, history[one])):  # each at the other's time
            history[here] = replace(history[here], start=there.start, end=there.end)
        verdicts.append(linearizable(history))
        assert verdicts[-1] == judged_by_trying_all(history), history

    assert 50 < verdicts.count(False) < 350
