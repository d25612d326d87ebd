"""An envelope says which KEK of which version wrapped it: that one opens it, and only for the organization it is of."""

from dataclasses import replace

import pytest

from sealring.crypto.data_key import DataKey
from sealring.domain.decision import Decision, Epoch
from sealring.domain.envelope import Combine, Header, Suite
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.kek import Bound, Kek, KekRecord, KekScope, KekState
from sealring.errors import IntegrityFailure, KeyDestroyed
from sealring.keys.keyring import Keyring, ManagedKeys
from sealring.keys.references import customers_key, kek_of, key_ref, managed_key
from sealring.keys.routing import KeyRoute
from sealring.keys.wrap_counts import WrapCounts
from sealring_local.wrap import LocalProvider
from sealring_plugin import DATA, CustomersKey, ManagedKey, RootName
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, on_provider, services
from support.roots import roots_of
from support.stores import on_parts, parts_on

ME = caller(ACME)


@pytest.fixture
def parts(links):
    """Of one partition: a KEK is found there whosever it is."""
    parts = parts_on(links, partitions=1)
    parts.markers.begin()
    return parts


@pytest.fixture
def provider():
    return LocalProvider(roots_of(bytes(32)))


@pytest.fixture
def process(parts, provider):
    """Makes one that knows nothing by heart."""
    return lambda: services(on_parts(parts), provider_gateway=on_provider(provider))


# --- versions


@pytest.fixture
def record(process):
    """An object under the first version of its KEK."""
    return process().objects.create(ME, name="first", value="v", context=context())


@pytest.fixture
def first(parts, record):
    return on_parts(parts).keks.find(KekScope(ENVIRONMENT, ACME, context())).active


@pytest.fixture
def second(provider, first):
    """A version that wraps in the place of the first."""
    made = provider.create_key(first.provider_key_id, 2, first.scope, DATA, None)
    return kek_of(first.kek_id, made, first.created_at)


def store(parts, *versions):
    raw = parts.records.encode_kek(KekRecord(versions))
    parts.links.call((b"SET", parts.keyspace.kek(ENVIRONMENT, ACME, versions[0].kek_id), raw))


def test_each_version_opens_what_it_wrapped_and_the_newest_wraps(parts, process, record, first, second):
    store(parts, replace(first, state=KekState.DECRYPT_ONLY), second)
    use = process()

    later = use.objects.create(ME, name="second", value="w", context=context())

    assert [use.objects.read(ME, str(each.id)).value for each in (record, later)] == ["v", "w"]
    assert [each.current.envelope.keys for each in (record, later)] == [
        ((first.kek_id, 1),),
        ((first.kek_id, 2),),
    ]


def test_a_destroyed_version_opens_nothing_although_its_material_is_there(parts, process, record, first, second):
    store(parts, replace(first, state=KekState.DESTROYED), second)

    with pytest.raises(KeyDestroyed) as failure:
        process().objects.read(ME, str(record.id))

    assert failure.value.owner == "operator"


def test_a_kek_whose_versions_are_destroyed_wraps_nothing_and_no_other_takes_its_place(parts, process, record, first):
    store(parts, replace(first, state=KekState.DESTROYED))
    use = process()

    for write in (
        lambda: use.objects.create(ME, name="second", value="v", context=context()),
        lambda: use.objects.update(ME, str(record.id), value="w", version_check=None, contexts=()),
        lambda: use.data_keys.create(ME, context()),
    ):
        with pytest.raises(KeyDestroyed):
            write()

    assert on_parts(parts).actions().count("vault.kek.created") == 1
    assert on_parts(parts).objects.get(record.id) == record


# --- whose it is, and whose provider's


@pytest.fixture
def keyring(parts, provider):
    keks, gateway = on_parts(parts).keks, on_provider(provider)
    return lambda: Keyring(gateway, keks, ManagedKeys("local"), WrapCounts(keks, gateway.max_wraps))


def header(environment=ENVIRONMENT, org=ACME):
    return Header(
        suite=Suite.OBJECT,
        combine=Combine.ANY,
        message_id=bytes(32),
        environment=environment,
        org=org,
        object_id=bytes(16),
        version_id=bytes(16),
        context_hash=context().digest,
    )


def decision(environment=ENVIRONMENT, org=ACME):
    return Decision(environment, org, Epoch(bytes(8)), ())


def wrapped(keyring, header, scope):
    """By the KEK of a scope, for whatever a header says."""
    return keyring.wrap(DataKey(bytearray(32)), header, KeyRoute(Combine.ANY, (scope,)), context(), ME)


def reason_of_refusal(keyring, header, wraps):
    with pytest.raises(IntegrityFailure) as refused:
        keyring.unwrap(header, wraps, context(), ME, decision(header.environment, header.org))
    return refused.value.reason


def test_what_a_kek_wrapped_for_its_organization_opens(keyring):
    wraps = wrapped(keyring(), header(), KekScope(ENVIRONMENT, ACME, context()))

    with keyring().unwrap(header(), wraps, context(), ME, decision()) as dek:
        assert dek.secret == bytes(32)


@pytest.mark.parametrize(
    ("environment", "org"),
    [
        (ENVIRONMENT, BETA),
        (OTHER_ENVIRONMENT, ACME),
        (ENVIRONMENT, OrgId("org_acm")),
        (ENVIRONMENT, OrgId("org_acme2")),
        (EnvironmentId(ENVIRONMENT + "1"), ACME),
    ],
)
@pytest.mark.parametrize("knows_it", [False, True])
def test_the_kek_of_another_organization_opens_nothing_although_it_made_the_wrap(keyring, environment, org, knows_it):
    """The wrap is genuine, header and all: nothing but whose the KEK is speaks against it."""
    mine, theirs = header(), header(environment, org)
    scope = KekScope(environment, org, context())
    process = keyring()
    wraps = wrapped(process, mine, scope)
    if knows_it:
        with process.unwrap(theirs, wrapped(process, theirs, scope), context(), ME, decision(environment, org)):
            pass

    assert reason_of_refusal(process, mine, wraps) == "the KEK of another organization"


@pytest.mark.parametrize("change", [{"provider": "hsm"}, {"kek_version": 2}, {"kek_version": 0}])
def test_a_kek_opens_nothing_that_names_another_provider_or_version_of_it(keyring, change):
    (wrap,) = wrapped(keyring(), header(), KekScope(ENVIRONMENT, ACME, context()))

    assert reason_of_refusal(keyring(), header(), (replace(wrap, **change),)) == "another KEK version or provider"


def test_a_kek_that_the_store_does_not_have_opens_nothing(keyring):
    (wrap,) = wrapped(keyring(), header(), KekScope(ENVIRONMENT, ACME, context()))

    assert reason_of_refusal(keyring(), header(), (replace(wrap, kek_id=bytes(16)),)) == "unknown KEK"


# --- managed ones and customers'

MANAGED = Kek(bytes(16), 1, "local", "key", b"scope", b"material", root_domain=DATA, root_epoch=3)
BOUND = Kek(bytes(16), 1, "cmk", "key", b"scope", b"", bound=Bound((("rotation", "off"),), ()))


def test_a_kek_is_known_to_its_provider_as_what_it_is():
    assert key_ref(MANAGED) == ManagedKey("local", "key", 1, b"scope", RootName(DATA, 3), b"material")
    assert key_ref(BOUND) == CustomersKey("cmk", "key", 1, b"scope", (("rotation", "off"),))


def test_a_customers_key_is_never_taken_for_a_managed_one():
    with pytest.raises(IntegrityFailure) as refused:
        managed_key(BOUND)

    assert refused.value.reason == "a customer's key in the place of a managed one"


def test_a_managed_key_is_never_taken_for_a_customers():
    with pytest.raises(IntegrityFailure) as refused:
        customers_key(MANAGED)

    assert refused.value.reason == "a managed key in the place of a customer's"
