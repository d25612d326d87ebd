"""Lost replies and a store that is away: nothing is applied twice, and nobody waits long."""

import socket
import time

import pytest

from faults.proxy import Fault, Script
from sealring.errors import OutcomeUnknown, StoreUnavailable
from sealring.store.connection.links import Links
from support.make import ACME, caller, context, gateway, services
from support.stores import on_links

ME = caller(ACME)


@pytest.fixture
def store(links, proxy):
    """A store reached through the proxy; `links` emptied it."""
    through = Links.to(f"redis://{proxy.address}")
    yield on_links(through)
    through.close()


@pytest.fixture
def keys():
    return gateway(bytes(32))


@pytest.fixture
def use(store, keys):
    return services(store, provider_gateway=keys)


@pytest.fixture
def record(use):
    return use.objects.create(ME, name="first", value="one", context=context())


def test_a_create_whose_reply_was_lost_is_known_as_our_own(use, store, record, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    created = use.objects.create(ME, name="name", value="v", context=context())

    assert proxy.made == {Fault.LOSE: 1}
    assert use.objects.read_by_name(ME, "name", None).record.id == created.id
    assert store.actions().count("vault.object.created") == 2


def test_an_update_whose_reply_was_lost_is_known_as_our_own(use, store, record, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    updated = use.objects.update(ME, str(record.id), value="two", version_check=None, contexts=())

    assert updated.current.number == 2
    assert [each.number for each in use.versions.list(ME, str(record.id))] == [2, 1]
    assert store.actions().count("vault.object.updated") == 1


def test_an_update_that_was_followed_before_we_looked_is_not_applied_again(use, record, proxy, links, keys):
    """Our EXEC landed, its reply was lost, and somebody else updated the object meanwhile."""
    direct = on_links(links)
    rival = services(direct, provider_gateway=keys)

    def rivals_update():
        rival.objects.update(ME, str(record.id), value="theirs", version_check=None, contexts=())

    proxy.before_fault = rivals_update
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    use.objects.update(ME, str(record.id), value="ours", version_check=None, contexts=())

    assert use.objects.read(ME, str(record.id)).value == "theirs"
    assert [each.number for each in use.versions.list(ME, str(record.id))] == [3, 2, 1]


def test_a_delete_whose_reply_was_lost_is_known_as_our_own(use, store, record, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    use.objects.delete(ME, str(record.id), version_check=None)

    assert store.actions().count("vault.object.deleted") == 1


def test_a_first_use_whose_reply_was_lost_makes_one_kek(use, store, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    use.objects.create(ME, name="name", value="v", context=context())

    assert store.actions().count("vault.kek.created") == 1


def test_a_write_whose_reply_never_comes_has_an_unknown_outcome(use, record, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)
    proxy.before_fault = lambda: setattr(proxy, "frozen", True)

    with pytest.raises(OutcomeUnknown):
        use.objects.update(ME, str(record.id), value="two", version_check=None, contexts=())


def test_a_store_that_refuses_connections_is_unavailable_within_two_seconds(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    began = time.monotonic()

    with pytest.raises(StoreUnavailable):
        Links.to(f"redis://127.0.0.1:{port}").call((b"PING",))

    assert time.monotonic() - began < 2.0


def test_a_store_that_never_answers_is_unavailable_within_two_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()

        with pytest.raises(StoreUnavailable):
            Links.to(f"redis://127.0.0.1:{silent.getsockname()[1]}").call((b"PING",))

        assert time.monotonic() - began < 2.0


def test_a_link_that_broke_while_idle_is_replaced(links, valkey):
    links.call((b"SET", b"k", b"v"))
    Links.to(valkey).call((b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"))

    assert links.call((b"GET", b"k")) == [b"v"]


def test_clients_do_not_retry_behind_our_back(valkey):
    """redis-py's own retries would replay a MULTI without its WATCH."""
    link = Links.to(valkey)
    with link.borrow(b"") as borrowed:
        assert borrowed._connection.retry.get_retries() == 0
    link.close()
