"""A primary that changes: who is asked which one it is, and what is believed of the one that it was."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from sealring.domain.layout import Layout
from sealring.errors import OutcomeUnknown, StoreUnavailable
from sealring.keys.store_key import make_layout
from sealring.store.connection.links import Links
from sealring.store.layout import read_layout, write_layout
from sealring_local.wrap import LocalProvider
from support.make import caller, context, gateway, on_provider, services
from support.replication import STRONG, name_primary, running_node, running_sentinel, url_of
from support.roots import roots_of
from support.stores import on_links
from support.waiting import becomes_true

ME = caller()
KEY = b"s1:{0}:o:test"


@pytest.fixture
def old(tmp_path):
    with running_node(tmp_path / "old") as node:
        yield node


@pytest.fixture
def new(tmp_path, old):
    """A replica of the old primary, until it leads."""
    with running_node(tmp_path / "new") as node:
        node.follow(old)
        yield node


@pytest.fixture
def sentinel(tmp_path, old):
    with running_sentinel(tmp_path / "sentinel", old) as sentinel:
        yield sentinel


@pytest.fixture
def links(sentinel):
    with closing(Links.to(url_of(sentinel))) as links:
        yield links


@pytest.fixture
def confirmed(sentinel):
    """Links through which a write counts when a replica has it."""
    with closing(Links.to(url_of(sentinel), replicas=1)) as links:
        yield links


def fail_over(sentinel, new):
    """As when the old primary is cut off: it does not hear of it."""
    new.lead()
    name_primary(sentinel, new)


def create(use, name):
    return use.objects.create(ME, name=name, value="one", context=context())


def update(use, record):
    return use.objects.update(ME, str(record.id), value="two", version_check=None, contexts=())


def test_a_sentinel_that_is_dead_is_passed_over(old, sentinel):
    with closing(Links.to(f"sentinel://127.0.0.1:1,{sentinel.address}/sealring")) as links:
        assert links.call((b"SET", KEY, b"v")) == [b"OK"]
    assert old.ask("GET", KEY) == "v"


def test_a_name_that_no_sentinel_knows_is_a_store_that_does_not_answer(sentinel):
    with closing(Links.to(f"sentinel://{sentinel.address}/nobody")) as links, pytest.raises(StoreUnavailable):
        links.call((b"PING",))


@pytest.fixture
def guarded(tmp_path):
    """The URL of a Sentinel and a node, each with a password of its own; without the Sentinel's."""
    with (
        running_node(tmp_path / "node", password="of-the-node") as node,
        running_sentinel(tmp_path / "sentinel", node, password="s/n?@1") as sentinel,
    ):
        sentinel.ask("ACL", "SETUSER", "asker", "on", ">secret", "-@all", "+sentinel|get-master-addr-by-name")
        yield f"sentinel://:of-the-node@{sentinel.address}/sealring"


@pytest.mark.parametrize("own", ["sentinel_password=s%2Fn%3F%401", "sentinel_username=asker&sentinel_password=secret"])
def test_a_sentinel_has_credentials_of_its_own(guarded, own):
    with closing(Links.to(f"{guarded}?{own}")) as links:
        assert links.call((b"SET", KEY, b"v")) == [b"OK"]


def test_a_sentinel_that_refuses_the_password_is_a_store_that_does_not_answer(guarded):
    with closing(Links.to(guarded)) as links, pytest.raises(StoreUnavailable):
        links.call((b"SET", KEY, b"v"))


def test_a_primary_that_was_demoted_is_left_for_the_new_one(old, new, sentinel, links):
    links.call((b"SET", KEY, b"first"))
    fail_over(sentinel, new)
    old.follow(new)

    assert links.call((b"SET", KEY, b"second")) == [b"OK"]

    assert new.ask("GET", KEY) == "second"


def test_a_node_that_says_it_is_a_replica_is_not_taken_for_the_primary(old, new, sentinel, links):
    name_primary(sentinel, new)

    with pytest.raises(StoreUnavailable):
        links.call((b"GET", KEY))


def test_a_primary_that_its_replicas_left_is_left_for_the_new_one(old, new, sentinel, links):
    old.ask("CONFIG", "SET", *(word.removeprefix("--") for word in STRONG))
    links.call((b"SET", KEY, b"first"))
    fail_over(sentinel, new)

    assert links.call((b"SET", KEY, b"second")) == [b"OK"]

    assert new.ask("GET", KEY) == "second"


def test_a_primary_that_cannot_confirm_a_write_is_left_for_the_new_one(tmp_path, old, new, sentinel, confirmed):
    with running_node(tmp_path / "third") as third:
        third.follow(new)
        use = services(on_links(confirmed))
        record = create(use, "name")
        fail_over(sentinel, new)

        with pytest.raises(OutcomeUnknown):
            update(use, record)

        assert update(use, record).current.number == 2


def test_a_write_that_waits_while_its_primary_is_demoted_may_have_been_done(old, new, sentinel, confirmed):
    use = services(on_links(confirmed))
    record = create(use, "name")
    new.lead()

    with ThreadPoolExecutor(1) as another:
        updated = another.submit(update, use, record)
        assert becomes_true(lambda: "blocked_clients:1" in old.ask("INFO", "clients"))
        old.follow(new)

    assert isinstance(updated.exception(), OutcomeUnknown)


def test_a_read_that_cannot_be_confirmed_is_sent_to_the_new_primary_next(tmp_path, old, new, sentinel, confirmed):
    with running_node(tmp_path / "third") as third:
        third.follow(new)
        use = services(on_links(confirmed))
        record = create(use, "name")
        fail_over(sentinel, new)

        with pytest.raises(StoreUnavailable):
            use.objects.read(ME, str(record.id))

        assert use.objects.read(ME, str(record.id)).value == "one"


class Interrupting(LocalProvider):
    """Does something before it unwraps: between the two looks that a read takes at the store."""

    def __init__(self, interrupt):
        super().__init__(roots_of(bytes(32)))
        self._interrupt = interrupt

    def unwrap(self, *args):
        self._interrupt()
        return super().unwrap(*args)


def test_a_write_that_a_failover_takes_back_during_a_read_is_no_broken_record(old, new, sentinel, links):
    store = on_links(links)
    record = create(services(store, provider_gateway=gateway(bytes(32))), "name")
    new.lead()
    update(services(store, provider_gateway=gateway(bytes(32))), record)

    def interrupt():
        name_primary(sentinel, new)
        old.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    opened = services(store, provider_gateway=on_provider(Interrupting(interrupt))).objects.read(ME, str(record.id))

    assert opened.value == "one"
    assert opened.record == record


def test_a_kek_that_a_failover_would_take_back_wraps_nothing(tmp_path, old, new, sentinel, confirmed):
    def worker():
        return services(on_links(confirmed), provider_gateway=gateway(bytes(32)))

    first, second, third = worker(), worker(), worker()
    new.lead()
    with pytest.raises(OutcomeUnknown):
        create(first, "lost, and so is its key")
    with pytest.raises(StoreUnavailable):
        create(second, "lost")
    name_primary(sentinel, new)
    with running_node(tmp_path / "third") as replica:
        replica.follow(new)

        record = create(second, "kept")

        assert third.objects.read(ME, str(record.id)).value == "one"


def test_a_link_that_was_lent_while_the_store_moved_is_not_used_again(links):
    with links.borrow(KEY) as lent:
        links.look_again()

    with links.borrow(KEY) as next_one:
        assert next_one is not lent


def test_a_layout_that_no_replica_has_is_no_layout_yet(old, confirmed):
    layout = make_layout(gateway(), "local", 4)

    with pytest.raises(StoreUnavailable):
        write_layout(confirmed, layout)

    assert isinstance(read_layout(confirmed), Layout)  # that it was written is not undone
