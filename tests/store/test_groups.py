"""Group commit: transactions that begin together are written together, and each sees what the one before it wrote."""

import random
from contextlib import contextmanager

import pytest

from sealring import fibers
from sealring.fibers import MustNotWait
from sealring.store.connection import groups
from sealring.store.connection.groups import MEMBERS, Grouping, Member
from sealring.store.connection.link import LinkLost
from sealring.store.transaction import Commit, transact
from sealring_local.wrap import LocalProvider
from store.grouping import ME, add, counts, key
from support.loop import in_fibers, turn
from support.make import context, on_provider, services
from support.roots import roots_of
from support.stores import on_links


def executions(links):
    (told,) = links.call((b"INFO", b"commandstats"))
    return int(told.partition(b"cmdstat_exec:calls=")[2].split(b",")[0] or 0)


def test_those_that_begin_together_are_written_together(links, used):
    before = executions(links)

    outcomes = used(*(lambda number=number: add(links, number) for number in range(MEMBERS)))

    assert [each.get() for each in outcomes] == [1] * MEMBERS
    assert counts(links, range(MEMBERS)) == [1] * MEMBERS
    assert executions(links) - before == 1


def test_more_than_a_group_holds_are_several_groups(links, used):
    before = executions(links)

    outcomes = used(*(lambda number=number: add(links, number) for number in range(3 * MEMBERS)))

    assert [each.get() for each in outcomes] == [1] * 3 * MEMBERS
    assert executions(links) - before == 3


def test_of_those_that_change_one_key_each_sees_what_the_one_before_it_wrote(links, used):
    outcomes = used(*[lambda: add(links, 1)] * 20)

    assert sorted(each.get() for each in outcomes) == list(range(1, 21))
    assert counts(links, [1]) == [20]


def test_those_of_one_key_take_turns_so_that_none_is_refused_by_another(links, used, monkeypatch):
    """As few tries as transactions: none is in vain, however many come at once and however slow the machine is."""
    monkeypatch.setattr(groups, "JOIN_S", 60.0)
    tries, before = [], executions(links)

    outcomes = used(*[lambda: add(links, 1, tries=tries)] * 200)

    assert [each.get() for each in outcomes] == list(range(1, 201))
    assert len(tries) == 200
    assert executions(links) - before == 200


def test_the_turns_of_a_key_that_many_want_hold_up_no_other_key(links, used):
    order = []

    def work(number, name):
        add(links, number)
        order.append(name)

    used(*[lambda: work(1, "hot")] * 50, lambda: work(2, "cold"))

    assert order.index("cold") <= 1
    assert order.count("hot") == 50


def test_a_turn_that_does_not_come_in_time_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(groups, "JOIN_S", 0.05)

    @contextmanager
    def away():
        fibers.pause(0.5)
        raise LinkLost
        yield

    grouping = Grouping(away)

    def send():
        return Member(key(1), grouping, fibers.required()).send((b"WATCH", key(1)))

    first, second = in_fibers(send, send)

    with pytest.raises(LinkLost):
        first.get()
    with pytest.raises(MustNotWait):
        second.get()


def test_whoever_reads_what_another_writes_decides_before_it_or_after_it_and_not_beside_it(links, used):
    """Each moves one from the larger of two counts to the smaller: beside each other, both would move the same one."""
    links.call((b"SET", key(1), 1000), (b"SET", key(2), 0))

    def move(number):
        def attempt(link, _lost):
            _, one, two = link.send((b"WATCH", key(1), key(2)), (b"GET", key(1)), (b"GET", key(2)))
            larger, smaller = ((key(1), key(2)), (key(2), key(1)))[int(one) < int(two)]
            return Commit(((b"DECR", larger), (b"INCR", smaller)), abs(int(one) - int(two)))

        return transact(links, key(10 + number), attempt)  # a key of its own, so that none takes turns with another

    outcomes = used(*(lambda number=number: move(number) for number in range(12)))
    differences = sorted((each.get() for each in outcomes), reverse=True)

    assert differences == [1000 - 2 * number for number in range(12)]
    assert counts(links, [1, 2]) == [988, 12]


def test_who_waits_for_something_else_begins_again_alone_and_holds_up_nobody(links, used):
    tries, order = [], []

    def slow():
        add(links, 1, lambda: fibers.pause(0.2), tries)
        order.append("slow")

    def quick():
        add(links, 2)
        order.append("quick")

    used(slow, quick)

    assert order == ["quick", "slow"]
    assert tries == [0, 0]
    assert counts(links, [1, 2]) == [1, 1]


def test_who_asks_more_than_once_begins_again_alone(links, used):
    def twice():
        def attempt(link, _lost):
            link.send((b"WATCH", key(1)), (b"GET", key(1)))
            _, more = link.send((b"WATCH", key(2)), (b"GET", key(2)))
            return Commit(((b"INCR", key(1)),), more)

        return transact(links, key(1), attempt)

    more, one = used(twice, lambda: add(links, 2))

    assert more.get() in {None, b"1"}
    assert one.get() == 1
    assert counts(links, [1, 2]) == [1, 1]


def test_a_transaction_inside_another_is_done_before_it_and_holds_up_no_group(links, used):
    order = []

    def outer():
        def attempt(link, _lost):
            link.send((b"WATCH", key(1)), (b"GET", key(1)))
            inner = add(links, 2)
            return Commit(((b"INCRBY", key(1), 10 * inner),), None)

        transact(links, key(1), attempt)
        order.append("outer")

    def beside():
        add(links, 3)
        order.append("beside")

    for outcome in used(outer, beside):
        outcome.get()

    assert order == ["beside", "outer"]
    assert counts(links, [1, 2, 3]) == [10, 1, 1]


class Counting(LocalProvider):
    """A provider that counts what it wraps."""

    wraps = 0

    def wrap(self, *args):
        Counting.wraps += 1
        return super().wrap(*args)


@pytest.mark.parametrize("waits", [False, True])
def test_a_key_is_asked_once_for_each_write(links, used, waits):
    use = services(on_links(links), provider_gateway=on_provider(Counting(roots_of(bytes(32))), waits=waits))
    use.objects.create(ME, name="first", value="v", context=context())
    Counting.wraps = 0

    outcomes = used(
        *(
            lambda number=number: use.objects.create(ME, name=f"name {number}", value="v", context=context())
            for number in range(6)
        )
    )

    assert len({each.get().id for each in outcomes}) == 6
    assert Counting.wraps == 6


def test_many_at_random_come_to_what_one_after_the_other_would(links, used):
    dice = random.Random(20261130)

    def work(numbers):
        for number in numbers:
            add(links, number, turn if dice.random() < 0.02 else lambda: None)

    drawn = [[dice.randrange(8) for _ in range(10)] for _ in range(60)]

    for outcome in used(*(lambda numbers=numbers: work(numbers) for numbers in drawn)):
        outcome.get()

    assert counts(links, range(8)) == [sum(numbers.count(number) for numbers in drawn) for number in range(8)]
