"""Requests for keyrings take no more than their share while a key hangs."""

import threading

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from bindings.keyring_kit import ME, ORG, RING, encrypted
from sealring.errors import KeyDeadlineExceeded, KeyFailure, KeyThrottled
from sealring.providers.gateway import Gateway
from sealring.providers.instances import ManagedSource
from sealring_local.wrap import LocalProvider
from support import stores
from support.make import services
from support.roots import roots_of
from support.waiting import becomes_true


def refused_while_it_hangs(call, over):
    """Return how many of 16 threads, of a worker for 16, are refused at once, and how the others fail in the end."""
    failures = []

    def ask():
        try:
            call()
        except KeyFailure as failure:
            failures.append(type(failure))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for each in threads:
        each.start()
    becomes_true(lambda: len(failures) >= 8, within_s=8)
    at_once = list(failures)
    over.set()
    for each in threads:
        each.join(20)
    return at_once, failures[len(at_once) :]


@pytest.fixture
def patient(monkeypatch):
    """Calls of keys that wait for longer than the test looks."""
    monkeypatch.setattr("sealring.providers.gateway.DEADLINE_S", 20.0)


@pytest.mark.usefixtures("patient")
def test_requests_for_a_new_keyring_take_no_more_than_their_share_while_the_customers_key_hangs():
    world = world_on(stores.memory(), waits=True, threads=16)
    world.bind(ORG, "key_abc")
    world.kms["key_abc"].hangs = True

    at_once, later = refused_while_it_hangs(lambda: encrypted(world), world.kms["key_abc"].over)

    assert at_once == [KeyThrottled] * 8
    assert later == [KeyDeadlineExceeded] * 8


class HangingProvider(LocalProvider):
    over = threading.Event()

    def unwrap(self, wrapped, key, context, call):
        self.over.wait(20)
        raise api.DeadlineExceeded


@pytest.mark.usefixtures("patient")
def test_requests_for_an_old_value_take_no_more_than_their_share_while_our_key_hangs():
    world = world_on(stores.memory())
    sealed = encrypted(world).encrypted
    hanging = HangingProvider(roots_of(bytes(32)))
    gateway = Gateway({"local": ManagedSource(lambda: hanging, waits=True)}, {}, threads=16)
    use = services(world.store, provider_gateway=gateway).keyrings

    at_once, later = refused_while_it_hangs(lambda: use.decrypt(RING, sealed, ME), hanging.over)

    assert at_once == [KeyThrottled] * 8
    assert later == [KeyDeadlineExceeded] * 8
