"""Plaintext data keys and shares of them are gone when their work is done, also where it failed.

Providers keep the very buffers here that they were given, and those that they gave.
"""

from dataclasses import replace

import pytest

import sealring_plugin as api
from sealring.crypto.blob_mac import genuine, signed
from sealring.domain.codec import encode_data_key, parse_data_key
from sealring.domain.context import KeyContext
from sealring.errors import CiphertextRejected, KeyDisabled
from sealring.keys.routing import ManagedKeks
from sealring.providers.gateway import Gateway
from sealring.providers.instances import ManagedSource, Source
from sealring.services.bindings import NewBinding
from sealring_local.wrap import LocalProvider
from support.cmk import CATALOG, CmkProvider, Key
from support.make import ACME, caller, context, on_provider, services
from support.roots import roots_of
from support.stores import KEYS, memory

ME = caller(ACME)
ITEMS = context(organization_id=ACME, type="card")
WIPED = bytearray(32)


class Remembering:
    """Of a provider: keeps every buffer. Fails at call `failing`, counted from 1."""

    def __init__(self, *args):
        super().__init__(*args)
        self.buffers = []
        self.failing = 0

    def wrap(self, key, dek, context, call):
        assert isinstance(dek, bytearray)
        self._keep(dek)
        return super().wrap(key, dek, context, call)

    def unwrap(self, wrapped, key, context, call):
        opened = super().unwrap(wrapped, key, context, call)
        self._keep(opened)
        return opened

    def begin_anew(self, *, failing=0):
        self.buffers.clear()
        self.failing = failing

    def _keep(self, buffer):
        if self.failing == len(self.buffers) + 1:
            buffer[:] = bytes(len(buffer))  # a provider that fails gives nothing back
            raise api.KeyDisabled
        self.buffers.append(buffer)


class Local(Remembering, LocalProvider):
    pass


class Careless(Remembering, CmkProvider):
    """A key of a customer's that opens whatever it closed, in any context."""

    def wrap(self, key, dek, context, call):
        return super().wrap(key, dek, api.WrapContext({}, b""), call)

    def unwrap(self, wrapped, key, context, call):
        return super().unwrap(wrapped, key, api.WrapContext({}, b""), call)


@pytest.fixture
def local():
    return Local(roots_of(bytes(32)))


@pytest.fixture(params=ManagedKeks)
def use(local, request):
    return services(memory(), per=request.param, provider_gateway=on_provider(local))


def wiped(provider):
    return len(provider.buffers) > 0 and all(buffer == WIPED for buffer in provider.buffers)


def test_the_data_key_of_a_new_value_is_wiped(use, local):
    use.objects.create(ME, name="name", value="v", context=ITEMS)

    assert wiped(local)


def test_the_data_key_of_an_opened_value_is_wiped(use, local):
    record = use.objects.create(ME, name="name", value="v", context=ITEMS)
    local.begin_anew()

    assert use.objects.read(ME, str(record.id)).value == "v"
    assert wiped(local)


def test_a_data_key_of_a_caller_is_wiped_once_it_is_answered(use, local):
    made = use.data_keys.create(ME, ITEMS)
    use.data_keys.decrypt(ME, made.wrapped)
    use.data_keys.rekey(ME, made.wrapped, context(organization_id=ACME, type="bank"))

    assert wiped(local)
    assert any(made.secret)


def test_a_data_key_that_its_blob_does_not_commit_to_is_wiped_when_it_is_refused(use, local):
    made = use.data_keys.create(ME, ITEMS)
    blob = parse_data_key(genuine(KEYS, made.wrapped))
    wrong = signed(KEYS, encode_data_key(replace(blob, commitment=bytes(32))))
    local.begin_anew()

    with pytest.raises(CiphertextRejected):
        use.data_keys.decrypt(ME, wrong)

    assert wiped(local)


@pytest.mark.parametrize("ask", ["create", "read"])
def test_the_shares_are_wiped_where_one_of_the_keys_fails(local, ask):
    use = services(memory(), per=ManagedKeks.ITEMS, provider_gateway=on_provider(local))
    record = use.objects.create(ME, name="name", value="v", context=ITEMS)
    local.begin_anew(failing=2)

    with pytest.raises(KeyDisabled):
        if ask == "create":
            use.objects.create(ME, name="another", value="v", context=ITEMS)
        else:
            use.objects.read(ME, str(record.id))

    assert len(local.buffers) == 1
    assert wiped(local)


def test_what_verification_wraps_and_opens_is_wiped(local):
    """Also what opens although it must not."""
    careless = Careless({"key_one": Key()})
    managed, customers = ManagedSource(lambda: local, waits=False), Source(lambda: careless, waits=False)
    keys = Gateway({"local": managed}, {"cmk": customers})
    use = services(memory(), provider_gateway=keys, catalog=CATALOG)
    match = KeyContext.of({"organization_id": ACME})

    bound = use.bindings.create(ME, NewBinding(org=ACME, match=match, provider="cmk", key="key_one"), activate=True)

    assert bound.verification.codes == ("binding_not_enforced", "context_not_enforced")
    assert len(careless.buffers) == 4
    assert wiped(careless)
