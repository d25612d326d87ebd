"""A record counts at its own place alone: not in that of another, and not as it was earlier."""

from dataclasses import replace

import pytest

from sealring.domain.ids import uuid_text
from sealring.errors import IntegrityFailure
from sealring_local.wrap import LocalProvider
from store.tampering_kit import ME, RECORDS, THEM, key
from support.make import ACME, BETA, caller, context, on_provider, services
from support.roots import roots_of
from support.stores import on_links
from support.tampering import refused


@pytest.fixture
def store(links):
    return on_links(links, partitions=1)


@pytest.fixture
def use(store):
    return services(store)


@pytest.fixture
def record(use):
    """An object of ACME with an older version."""
    made = use.objects.create(ME, name="mine", value="one", context=context())
    return use.objects.update(ME, str(made.id), value="two", version_check=None, contexts=())


@pytest.mark.parametrize("cut", [1, 16, 100])
def test_a_truncated_record_is_refused(links, use, record, cut):
    (raw,) = links.call((b"GET", key(b"o", record)))
    links.call((b"SET", key(b"o", record), raw[:-cut]))

    with pytest.raises(IntegrityFailure):
        use.objects.read(ME, str(record.id))


def test_a_record_under_another_objects_id_is_refused(links, use, record):
    other = use.objects.create(ME, name="other", value="other", context=context())
    (raw,) = links.call((b"GET", key(b"o", record)))
    links.call((b"SET", key(b"o", other), raw))

    with pytest.raises(IntegrityFailure):
        use.objects.read(ME, str(other.id))


def test_a_record_of_another_organization_is_refused(links, use, record):
    theirs = use.objects.create(THEM, name="theirs", value="theirs", context=context(organization_id=BETA))
    (raw,) = links.call((b"GET", key(b"o", theirs)))
    links.call((b"SET", key(b"o", record), raw))

    with pytest.raises(IntegrityFailure):
        use.objects.read(ME, str(record.id))


@pytest.mark.parametrize("org", [ACME, "org_abcd"])
def test_no_part_of_another_record_is_accepted(links, use, record, org):
    """Two records of the same length, of one organization or of two: each stretch of the other is tried."""
    twin = use.objects.create(caller(org), name="twin", value="one", context=context(organization_id=org))
    twin = use.objects.update(caller(org), str(twin.id), value="two", version_check=None, contexts=())
    times = {"created_at": record.created_at, "updated_at": record.updated_at}
    twin = replace(twin, current=replace(twin.current, created_at=record.updated_at), **times)
    mine, theirs = (RECORDS.encode_object(each) for each in (record, twin))
    assert len(mine) == len(theirs)
    stretches = {
        mine[:start] + theirs[start:end] + mine[end:]
        for start in range(0, len(mine), 8)
        for end in range(start + 8, len(mine) + 8, 24)
    } - {mine}

    assert len(stretches) > 150
    assert all(refused(lambda raw=spliced: RECORDS.decode_object(record.id, raw)) for spliced in stretches)
    for spliced in sorted(stretches)[::50]:
        links.call((b"SET", key(b"o", record), spliced))
        assert refused(lambda: use.objects.read(ME, str(record.id)))


def test_a_version_under_another_versions_id_is_refused(links, use, record):
    use.objects.update(ME, str(record.id), value="three", version_check=None, contexts=())
    flat = links.call((b"HGETALL", key(b"v", record)))[0]
    ids, raws = flat[::2], flat[1::2]
    links.call((b"HSET", key(b"v", record), ids[0], raws[1], ids[1], raws[0]))

    for version_id in ids:
        with pytest.raises(IntegrityFailure):
            use.versions.read(ME, str(record.id), uuid_text(version_id))


def test_a_version_of_another_object_is_refused(links, use, record):
    other = use.objects.create(ME, name="other", value="other", context=context())
    use.objects.update(ME, str(other.id), value="new", version_check=None, contexts=())
    version_id, raw = links.call((b"HGETALL", key(b"v", other)))[0]
    links.call((b"HSET", key(b"v", record), version_id, raw))

    with pytest.raises(IntegrityFailure):
        use.versions.read(ME, str(record.id), uuid_text(version_id))


def test_a_record_put_back_to_an_earlier_version_is_refused(links, use, record):
    (earlier,) = links.call((b"GET", key(b"o", record)))
    use.objects.update(ME, str(record.id), value="three", version_check=None, contexts=())
    links.call((b"SET", key(b"o", record), earlier))

    for use_it in (
        lambda: use.objects.read(ME, str(record.id)),
        lambda: use.objects.describe(ME, str(record.id)),
        lambda: use.explanations.explain(ME, str(record.id)),
        lambda: use.versions.list(ME, str(record.id)),
        lambda: use.objects.update(ME, str(record.id), value="four", version_check=None, contexts=()),
        lambda: use.objects.delete(ME, str(record.id), version_check=None),
    ):
        with pytest.raises(IntegrityFailure):
            use_it()


def test_a_deleted_record_put_back_to_live_is_refused(links, use, record):
    (live,) = links.call((b"GET", key(b"o", record)))
    use.objects.delete(ME, str(record.id), version_check=None)
    links.call((b"SET", key(b"o", record), live))

    for use_it in (
        lambda: use.objects.read(ME, str(record.id)),
        lambda: use.objects.describe(ME, str(record.id)),
        lambda: use.explanations.explain(ME, str(record.id)),
        lambda: use.objects.update(ME, str(record.id), value="three", version_check=None, contexts=()),
        lambda: use.objects.delete(ME, str(record.id), version_check=None),
    ):
        with pytest.raises(IntegrityFailure):
            use_it()


def test_a_restored_record_put_back_to_deleted_is_not_restored_again(links, use, record):
    use.objects.delete(ME, str(record.id), version_check=None)
    (deleted,) = links.call((b"GET", key(b"o", record)))
    use.objects.restore(ME, str(record.id))
    links.call((b"SET", key(b"o", record), deleted))

    with pytest.raises(IntegrityFailure):
        use.objects.restore(ME, str(record.id))


def test_a_context_that_points_at_another_organizations_kek_is_refused(links, store):
    """The thief makes BETA's next values readable to the owner of ACME's key; seen by a process with nothing cached."""
    provider = LocalProvider(roots_of(bytes(32)))
    one, fresh = (services(store, provider_gateway=on_provider(provider)) for _ in range(2))
    mine = one.objects.create(ME, name="mine", value="v", context=context())
    one.objects.create(THEM, name="theirs", value="v", context=context(organization_id=BETA))
    for pointer in links.call((b"KEYS", b"s1:{0}:c:*"))[0]:
        links.call((b"SET", pointer, mine.current.key_id))

    with pytest.raises(IntegrityFailure) as refused:
        fresh.objects.create(THEM, name="next", value="v", context=context(organization_id=BETA))

    assert refused.value.reason == "KEK pointer"
