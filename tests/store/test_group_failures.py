"""What fails in a group of transactions fails alone, and nothing is written twice."""

import pytest
import redis

from faults.proxy import Fault, Script
from sealring.errors import IntegrityFailure, NotFound
from sealring.store.connection.links import Links
from sealring.store.transaction import Commit, Settled, transact
from store.grouping import ME, add, counts, key
from support.loop import using
from support.make import context, services
from support.stores import on_links


def test_what_somebody_else_changes_meanwhile_is_seen_by_all_that_watch_it_and_nothing_is_written_twice(
    links, used, valkey
):
    other = redis.Redis.from_url(valkey)
    changes = [lambda: other.incrby(key(3), 10)]

    def meanwhile():
        if changes:
            changes.pop()()

    outcomes = used(*(lambda number=number: add(links, number, meanwhile) for number in (1, 2, 3)))

    assert [each.get() for each in outcomes] == [1, 1, 11]
    assert counts(links, [1, 2, 3]) == [1, 1, 11]
    other.close()


@pytest.mark.parametrize(
    "command", [(b"HSET", key(9), b"a", b"b"), (b"NO-SUCH-COMMAND",)], ids=["in EXEC", "before EXEC"]
)
def test_a_command_that_is_refused_fails_its_own_transaction_and_no_other(links, used, command):
    links.call((b"SET", key(9), b"a text"))

    def fails():
        def attempt(link, _lost):
            link.send((b"WATCH", key(8)), (b"GET", key(8)))
            return Commit((command,), None)

        return transact(links, key(8), attempt)

    first, failed, last = used(lambda: add(links, 1), fails, lambda: add(links, 2))

    assert (first.get(), last.get()) == (1, 1)
    with pytest.raises(IntegrityFailure):
        failed.get()
    assert counts(links, [1, 2]) == [1, 1]


def test_a_read_that_is_refused_fails_its_own_transaction_and_no_other(links, used):
    links.call((b"SET", key(9), b"a text"))

    def fails():
        def attempt(link, _lost):
            link.send((b"WATCH", key(9)), (b"HGETALL", key(9)))
            raise AssertionError("it was answered")

        return transact(links, key(9), attempt)

    failed, other = used(fails, lambda: add(links, 1))

    assert other.get() == 1
    with pytest.raises(IntegrityFailure):
        failed.get()


def test_who_writes_nothing_lets_the_others_write(links, used):
    def refused(link, _lost):
        link.send((b"WATCH", key(8)), (b"GET", key(8)))
        raise NotFound

    def settled(link, _lost):
        link.send((b"WATCH", key(8)), (b"GET", key(8)))
        return Settled("there")

    not_found, there, added = used(
        lambda: transact(links, key(8), refused), lambda: transact(links, key(8), settled), lambda: add(links, 1)
    )

    with pytest.raises(NotFound):
        not_found.get()
    assert (there.get(), added.get()) == ("there", 1)


def test_of_a_lost_answer_each_member_finds_out_by_itself_what_became_of_its_write(proxy, links):
    through = Links.to(f"redis://{proxy.address}")
    use = services(on_links(through))
    made = using(
        through, lambda: [use.objects.create(ME, name=f"name {n}", value="v", context=context()) for n in range(5)]
    )[0].get()
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    outcomes = using(
        through,
        *(
            lambda record=record: use.objects.update(ME, str(record.id), value="new", version_check=None, contexts=())
            for record in made
        ),
    )

    assert proxy.made == {Fault.LOSE: 1}
    assert [each.get().revision for each in outcomes] == [2] * 5
    for record in made:
        assert use.objects.read(ME, str(record.id)).record.revision == 2
    through.close()
