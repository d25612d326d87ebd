"""A request to a keyring that failed leaves nothing of itself behind: no value, and no opened key."""

import gc
import weakref
from dataclasses import replace

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from sealring.domain.keyring_codec import parse_envelope
from sealring.domain.keyrings import Keyring
from sealring.errors import EnvelopeRejected, IntegrityFailure, KeyFailure, StoreUnavailable
from support import stores
from support.make import caller

ORG = "org_123"
RING = Keyring(f"{ORG}/payments")
ME = caller(ORG)


class Items(dict):
    """What a request holds."""


def left_of(call, items, *failures):
    """Return what is left of a request that fails, before the collector of cycles comes."""
    gone = weakref.ref(items)
    try:
        call(items)
    except failures:
        return gone
    pytest.fail("it did not fail")


@pytest.fixture
def without_collections():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collections")
def test_of_a_request_whose_key_could_not_be_stored():
    store = stores.memory()

    def away(*_args):
        raise StoreUnavailable("away")

    store.keyrings.add = away
    use = world_on(store).use.keyrings

    gone = left_of(lambda items: use.encrypt_all(RING, items, ME), Items(a=b"secret"), StoreUnavailable)
    assert gone() is None


@pytest.mark.usefixtures("without_collections")
@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("again", [True, False])
def test_of_a_request_whose_key_its_owner_has_disabled(waits, again):
    world = world_on(stores.memory(), waits=waits)
    world.bind(ORG, "key_abc")
    use = world.use.keyrings
    sealed = Items(a=use.encrypt(RING, b"secret", ME).encrypted)
    world.kms["key_abc"].failure = api.KeyDisabled()
    if again:  # the circuit repeats the refusal without a call
        left_of(lambda items: use.decrypt_all(RING, items, ME), Items(sealed), KeyFailure)

    gone = left_of(lambda items: use.decrypt_all(RING, items, ME), Items(sealed), KeyFailure)
    assert gone() is None
    gone = left_of(lambda items: use.encrypt_all(RING, items, ME), Items(a=b"secret"), KeyFailure)
    assert gone() is None


@pytest.mark.usefixtures("without_collections")
def test_of_a_request_with_an_unknown_key():
    world = world_on(stores.memory())
    use = world.use.keyrings
    good = use.encrypt(RING, b"secret", ME).encrypted
    unknown = replace(parse_envelope(good)[0], key_id="dek_x")
    items = {"good": good, "unknown": unknown.encode(), "again": unknown.encode()}

    gone = left_of(lambda items: use.decrypt_all(RING, items, ME), Items(items), EnvelopeRejected)
    assert gone() is None
    mine = Items(items)
    gone, found = weakref.ref(mine), use.decrypt_each(RING, mine, ME)
    del mine
    assert isinstance(found["again"], EnvelopeRejected)
    assert gone() is None


@pytest.mark.usefixtures("without_collections")
def test_of_a_request_whose_key_was_altered():
    world = world_on(stores.memory())
    use = world.use.keyrings
    sealed = use.encrypt(RING, b"secret", ME).encrypted

    def altered(*_args):
        raise IntegrityFailure("altered")

    world.store.keyrings.load = altered

    gone = left_of(lambda items: use.decrypt_all(RING, items, ME), Items(a=sealed), IntegrityFailure)
    assert gone() is None
