"""Objects by themselves: how long values are, when they are written, and for which context."""

import pytest

from sealring.domain import clock
from sealring.errors import InvalidBody, KeyContextFixed, NotFound, PayloadTooLarge
from sealring.services.objects import ObjectLimits
from sealring_local.wrap import LocalProvider
from support import stores
from support.make import ACME, BETA, caller, context, on_provider, services
from support.roots import roots_of

ME = caller(ACME)
SECOND = 1_000_000  # microseconds
NOW = 1_750_000_000 * SECOND


@pytest.fixture
def clock_says(monkeypatch):
    """Sets the store's clock, in microseconds since 1970; it stands still."""
    return lambda now: monkeypatch.setattr(clock.time, "time_ns", lambda: now * 1000)


def use(**limits):
    return services(stores.memory(), limits=ObjectLimits(**limits))


def create(use, value="value"):
    return use.objects.create(ME, name="name", value=value, context=context())


def update(use, record, value="new"):
    return use.objects.update(ME, str(record.id), value=value, version_check=None, contexts=())


@pytest.mark.parametrize("value", ["four", "\u00e4\u00f6", "\U0001f511"])
def test_a_value_may_have_as_many_bytes_as_the_limit_says(value):
    limited = use(max_value_bytes=4)

    assert update(limited, create(limited, value), value).current.number == 2


@pytest.mark.parametrize("value", ["fives", "\u00e4\u00f6\u00fc", "\U0001f511."])
def test_a_value_of_more_bytes_is_refused_however_few_characters_they_are(value):
    limited = use(max_value_bytes=4)
    record = create(limited, "four")

    for write in (lambda: create(limited, value), lambda: update(limited, record, value)):
        with pytest.raises(PayloadTooLarge):
            write()

    assert limited.objects.read(ME, str(record.id)).value == "four"


def test_a_deleted_object_comes_back_until_its_time_has_come(clock_says):
    kept = use(retention_s=60)
    clock_says(NOW)
    record = create(kept)
    clock_says(NOW + SECOND)
    kept.objects.delete(ME, str(record.id), version_check=None)

    clock_says(NOW + 61 * SECOND - 1)
    assert kept.objects.restore(ME, str(record.id)).live

    clock_says(NOW + 62 * SECOND)
    kept.objects.delete(ME, str(record.id), version_check=None)
    clock_says(NOW + 122 * SECOND)
    with pytest.raises(NotFound):
        kept.objects.restore(ME, str(record.id))


@pytest.mark.parametrize("back", [0, 1, 3600 * SECOND])
def test_each_write_is_later_than_the_one_before_it_whatever_the_clock_says(clock_says, back):
    written = use()
    clock_says(NOW)
    record = create(written)
    clock_says(NOW - back)

    updated = update(written, record)
    deleted = written.objects.delete(ME, str(record.id), version_check=None)
    restored = written.objects.restore(ME, str(record.id))

    assert [each.updated_at - NOW for each in (record, updated, deleted, restored)] == [0, 1, 2, 3]
    assert updated.current.created_at == NOW + 1


@pytest.mark.parametrize(
    "other", [context(organization_id=ACME, type="card"), context(organizationId=ACME), context(organization_id=BETA)]
)
def test_an_update_for_another_context_is_refused(other):
    fixed = use()
    record = create(fixed)

    with pytest.raises(KeyContextFixed):
        fixed.objects.update(ME, str(record.id), value="new", version_check=None, contexts=(context(), other))

    assert fixed.objects.read(ME, str(record.id)).value == "value"


class Counting(LocalProvider):
    wraps = 0

    def wrap(self, *args):
        self.wraps += 1
        return super().wrap(*args)


@pytest.mark.parametrize("store", [stores.memory, stores.on_fakeredis])
def test_a_value_is_sealed_once_be_it_the_first_of_its_organization(store):
    """Which makes the organization's epoch, that the write watches."""
    provider = Counting(roots_of(bytes(32)))
    counted = services(store(), provider_gateway=on_provider(provider))

    record = create(counted)
    update(counted, record)

    assert provider.wraps == 2


def test_a_property_is_read_alone_and_a_missing_one_is_not_the_whole_value():
    use = services(stores.memory())
    use.objects.create(caller(ACME), name="database", value='{"user": "app"}', context=context())

    assert use.objects.read_property(caller(ACME), "database", ACME, "user").value == "app"
    assert use.objects.read_property(caller(ACME), "database", ACME, "").value == '{"user": "app"}'
    with pytest.raises(InvalidBody, match="property: The value is no JSON object with this property"):
        use.objects.read_property(caller(ACME), "database", ACME, "password")
