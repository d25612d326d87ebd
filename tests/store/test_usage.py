"""What organizations store is counted in the transaction that stores it, and a quota refuses what exceeds it."""

import threading
from contextlib import closing
from dataclasses import replace

import pytest

from faults.proxy import Fault, Script
from sealring.domain.limits import Limits, Use
from sealring.errors import IntegrityFailure, NameTaken, QuotaExceeded
from sealring.services.objects import ObjectLimits
from sealring.store.connection.links import Links
from sealring.store.schema.keyspace import Keyspace
from sealring.store.usage import moving, use_in, uses_in
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, gateway, services
from support.stores import KEYS, on_links, on_parts, parts_on

ME = caller(ACME)


def limited(store, *, max_versions=3, **limits):
    """Every use case, with these quotas for each organization, on the same keys each time."""
    return services(
        store,
        limits=ObjectLimits(max_versions=max_versions),
        limits_of=lambda _env, org: Limits(**limits) if org else Limits(),
        provider_gateway=gateway(bytes(32)),
    )


def created(use, name="name", value="value", who=ME, org=ACME, **pairs):
    return use.objects.create(who, name=name, value=value, context=context(organization_id=org, **pairs))


def updated(use, record, value):
    return use.objects.update(ME, str(record.id), value=value, version_check=None, contexts=())


TAG = 16  # bytes of AES-GCM, in each ciphertext


def used(store, org=ACME, environment=ENVIRONMENT):
    return store.usage.load(environment, org)


def test_an_organization_that_stores_nothing_uses_nothing(store):
    assert used(store) == Use(0, 0, 0)


def test_a_create_counts_an_object_its_bytes_and_its_context(store):
    created(limited(store), value="12345")

    assert used(store) == Use(objects=1, stored_bytes=5 + TAG, contexts=1)


def test_objects_of_one_context_count_it_once(store):
    use = limited(store)
    for name in "abc":
        created(use, name=name, value="12345")

    assert used(store) == Use(objects=3, stored_bytes=15 + 3 * TAG, contexts=1)


def test_an_update_counts_every_version_that_is_kept(store):
    use = limited(store)
    record = created(use, value="1")
    for value in ("22", "333"):
        updated(use, record, value)
    assert used(store).stored_bytes == 6 + 3 * TAG

    updated(use, record, "4444")

    assert used(store).stored_bytes == 9 + 3 * TAG  # without the first


def test_an_object_that_keeps_one_version_counts_one(store):
    use = limited(store, max_versions=1)
    record = created(use, value="1")
    for value in ("22", "333"):
        updated(use, record, value)

    assert used(store).stored_bytes == 3 + TAG


def test_versions_that_a_lower_limit_drops_all_at_once_are_counted_off(store):
    record = created(limited(store), value="1")
    for value in ("22", "333"):
        updated(limited(store), record, value)

    updated(limited(store, max_versions=1), record, "4444")

    assert used(store).stored_bytes == 4 + TAG


def test_a_deleted_object_counts_until_it_is_purged_and_a_restore_changes_nothing(store):
    use = limited(store)
    record = created(use, value="12345")
    use.objects.delete(ME, str(record.id), version_check=None)
    assert used(store) == Use(1, 5 + TAG, 1)

    use.objects.restore(ME, str(record.id))

    assert used(store) == Use(1, 5 + TAG, 1)


def test_each_organization_and_each_environment_counts_its_own(store):
    use = limited(store)
    created(use, value="1")
    created(use, who=caller(BETA), org=BETA, value="22")
    created(use, who=caller(ACME, environment=OTHER_ENVIRONMENT), value="333")

    assert used(store) == Use(1, 1 + TAG, 1)
    assert used(store, BETA) == Use(1, 2 + TAG, 1)
    assert used(store, environment=OTHER_ENVIRONMENT) == Use(1, 3 + TAG, 1)


def test_a_write_that_is_refused_counts_nothing(store):
    use = limited(store)
    created(use, value="1")

    with pytest.raises(NameTaken):
        created(use, value="22")

    assert used(store) == Use(1, 1 + TAG, 1)


def test_an_object_beyond_the_quota_is_refused_and_named(store):
    use = limited(store, objects=2)
    created(use, name="a")
    created(use, name="b")

    with pytest.raises(
        QuotaExceeded, match="quota of objects is exceeded: 2 are allowed, 2 are used, and this needs 1 more"
    ):
        created(use, name="c")

    assert used(store).objects == 2
    created(use, name="c", who=caller(BETA), org=BETA)


def test_bytes_beyond_the_quota_are_refused_of_a_create_and_of_an_update(store):
    use = limited(store, stored_bytes=10 + 2 * TAG)
    record = created(use, value="123456")

    with pytest.raises(
        QuotaExceeded, match="quota of stored bytes is exceeded: 42 are allowed, 22 are used, and this needs"
    ):
        created(use, name="another", value="12345")
    with pytest.raises(QuotaExceeded, match="stored bytes"):
        updated(use, record, "12345")

    updated(use, record, "1234")
    assert used(store).stored_bytes == 10 + 2 * TAG
    assert use.objects.read(ME, str(record.id)).value == "1234"


def test_a_context_beyond_the_quota_is_refused_and_gets_no_key(store):
    use = limited(store, contexts=1)
    created(use, name="a")

    with pytest.raises(
        QuotaExceeded,
        match="quota of key contexts is exceeded: 1 are allowed, 1 are used, and this needs 1 more. Use a key context that exists",
    ):
        created(use, name="b", kind="other")
    with pytest.raises(QuotaExceeded, match="key contexts"):
        use.data_keys.create(ME, context(organization_id=ACME, kind="other"))

    assert used(store) == Use(1, 5 + TAG, 1)
    created(use, name="b")
    use.data_keys.create(ME, context(organization_id=ACME))


def test_an_organization_over_a_lowered_quota_still_reads_deletes_restores_and_shrinks(store):
    record = created(limited(store), value="1234567890")
    for _ in range(2):
        updated(limited(store), record, "1234567890")
    low = limited(store, objects=1, stored_bytes=5, contexts=1)

    assert low.objects.read(ME, str(record.id)).value == "1234567890"
    updated(low, record, "1234567890")  # as many bytes leave as come
    low.objects.delete(ME, str(record.id), version_check=None)
    low.objects.restore(ME, str(record.id))

    assert used(store).stored_bytes == 30 + 3 * TAG
    with pytest.raises(QuotaExceeded):
        updated(low, record, "12345678901")


def test_writers_at_once_exceed_a_quota_by_no_more_than_what_was_in_flight(store):
    use, refused = limited(store, objects=10), []

    def write(writer):
        for number in range(10):
            try:
                created(use, name=f"{writer} {number}", value="1")
            except QuotaExceeded:
                refused.append(number)

    threads = [threading.Thread(target=write, args=(each,)) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert 10 <= used(store).objects <= 13
    assert used(store).objects == 40 - len(refused)


# --- in the store alone


@pytest.fixture
def usage_key():
    keyspace = Keyspace(4, KEYS)
    return keyspace.usage(keyspace.home(ENVIRONMENT, ACME))


FIELD = b"o:" + f"{ENVIRONMENT}:{ACME}".encode()


@pytest.mark.parametrize("count", [b"many", b"1.5", b"", b"01", b"+1", b" 1", b"9223372036854775807"])
def test_a_count_that_the_store_cannot_move_is_noticed_before_the_write(links, usage_key, count):
    store = on_links(links)
    use = limited(store)
    record = created(use)
    links.call((b"HSET", usage_key, FIELD, count))

    with pytest.raises(IntegrityFailure):
        created(use, name="another")
    with pytest.raises(IntegrityFailure):
        updated(use, record, "new")

    assert use.objects.read(ME, str(record.id)).value == "value"
    use.objects.delete(ME, str(record.id), version_check=None)


def test_a_write_whose_reply_is_lost_is_counted_once(links, proxy):
    on_links(links)
    with closing(Links.to(f"redis://{proxy.address}")) as through:
        store = on_parts(parts_on(through))
        use = limited(store)
        for write in (
            lambda: created(use, value="1"),
            lambda: updated(use, use.objects.read_by_name(ME, "name", None).record, "22"),
        ):
            proxy.plan = Script(b"EXEC", Fault.LOSE)
            write()

        assert used(store) == Use(1, 3 + 2 * TAG, 1)
    assert proxy.made[Fault.LOSE] == 2


def test_counts_that_were_removed_begin_again_and_stop_no_write(links, usage_key):
    store = on_links(links)
    use = limited(store, objects=5)
    record = created(use)
    links.call((b"DEL", usage_key))

    updated(use, record, "new")

    assert used(store) == Use(0, 3 + TAG, 0)


def test_two_organizations_of_one_home_count_each_its_own():
    keyspace = Keyspace(1, KEYS)
    commands = [*moving(keyspace, ENVIRONMENT, ACME, Use(1, 2, 3)), *moving(keyspace, ENVIRONMENT, BETA, Use(4, 5, 6))]

    flat = [part for _, _, field, count in commands for part in (field, b"%d" % count)]

    assert use_in(flat, ENVIRONMENT, BETA) == Use(4, 5, 6)
    assert uses_in(flat) == {(ENVIRONMENT, ACME): Use(1, 2, 3), (ENVIRONMENT, BETA): Use(4, 5, 6)}


def test_a_change_of_nothing_moves_nothing():
    assert moving(Keyspace(1, KEYS), ENVIRONMENT, ACME, Use()) == []


def test_what_a_limit_does_not_say_has_none():
    Limits().admit(replace(Use(), objects=1 << 60), Use(1, 1, 1))
