"""Requests side by side that are the same request."""

import threading
from dataclasses import replace

import pytest

from sealring.domain.idempotency import IdempotentRequest
from sealring.errors import NameTaken
from sealring.services.operations import Progress
from sealring_local.wrap import LocalProvider
from support.make import ACME, ENVIRONMENT, caller, context, on_provider, services
from support.roots import roots_of
from support.stores import on_links


class Slow(LocalProvider):
    """Wraps when it is let."""

    def __init__(self, root):
        super().__init__(root)
        self.asked, self.let = threading.Event(), threading.Event()

    def wrap(self, key, dek, context, call):
        self.asked.set()
        assert self.let.wait(20)
        return super().wrap(key, dek, context, call)


@pytest.fixture
def slow():
    return Slow(roots_of(bytes(32)))


@pytest.fixture
def me():
    who = caller(ACME)
    return replace(who, idempotent=IdempotentRequest(ENVIRONMENT, who.principal.actor, "key-1", b"POST /kv", bytes(16)))


def create(use, who):
    return use.objects.create(who, name="name", value="v", context=context())


def test_a_repetition_beside_the_first_request_gets_the_same_object(links, slow, me):
    store = on_links(links)
    made = []
    first = threading.Thread(
        target=lambda: made.append(create(services(store, provider_gateway=on_provider(slow)), me))
    )
    first.start()
    assert slow.asked.wait(20)

    made.append(create(services(store, provider_gateway=on_provider(LocalProvider(roots_of(bytes(32))))), me))
    slow.let.set()
    first.join()

    assert made[0] == made[1]
    assert store.actions().count("vault.object.created") == 1


def test_a_write_on_its_way_is_running(links, slow, me):
    use = services(on_links(links), provider_gateway=on_provider(slow))
    writer = threading.Thread(target=lambda: create(use, me))
    writer.start()
    assert slow.asked.wait(20)

    progress = use.operations.find(me, "key-1").progress
    slow.let.set()
    writer.join()

    assert progress is Progress.RUNNING
    assert use.operations.find(me, "key-1").progress is Progress.COMMITTED


def test_a_name_that_is_taken_costs_no_call_of_the_key_provider(links, slow):
    store = on_links(links)
    create(services(store, provider_gateway=on_provider(LocalProvider(roots_of(bytes(32))))), caller(ACME))

    with pytest.raises(NameTaken):
        create(services(store, provider_gateway=on_provider(slow)), caller(ACME))

    assert not slow.asked.is_set()


# --- without a name


FAST = on_provider(LocalProvider(roots_of(bytes(32))))


def update(use, record, value):
    """Each value is a request of its own."""
    who = caller(ACME)
    idempotent = IdempotentRequest(ENVIRONMENT, who.principal.actor, "", b"PUT /kv/1", value.encode().ljust(16))
    return use.objects.update(
        replace(who, idempotent=idempotent), str(record.id), value=value, version_check=None, contexts=()
    )


def slowly(use, slow, record, value):
    """Begin an update, and return what waits for its end once its key is asked for."""
    made = []
    thread = threading.Thread(target=lambda: made.append(update(use, record, value)))
    thread.start()
    assert slow.asked.wait(20)

    def ended():
        slow.let.set()
        thread.join(20)
        return made[0]

    return ended


def test_an_update_that_its_repetition_overtook_takes_nothing_back(links, slow):
    store = on_links(links)
    use = services(store, provider_gateway=FAST)
    record = create(use, caller(ACME))
    first = slowly(services(store, provider_gateway=on_provider(slow)), slow, record, "A")

    repetition = update(use, record, "A")
    update(use, record, "B")

    assert (ended := first()).current == repetition.current
    assert ended.updated_at == repetition.updated_at
    assert use.objects.read(caller(ACME), str(record.id)).value == "B"
    assert store.actions().count("vault.object.updated") == 2


def test_an_update_that_met_another_is_done_although_the_same_was_done_before(links, slow):
    store = on_links(links)
    use = services(store, provider_gateway=FAST)
    record = create(use, caller(ACME))
    update(use, record, "A")
    update(use, record, "B")
    again = slowly(services(store, provider_gateway=on_provider(slow)), slow, record, "A")

    update(use, record, "C")

    assert again().current.number == 5
    assert use.objects.read(caller(ACME), str(record.id)).value == "A"
