"""An index or a name that somebody altered shows no object of another, and none that is deleted."""

import pytest

from sealring.errors import IntegrityFailure
from sealring.services.listing import ListOptions
from store.tampering_kit import ME, THEM, listed
from support.make import ACME, BETA, OTHER_ENVIRONMENT, caller, context, services
from support.stores import on_links
from support.tampering import every_bit_of, refused


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


INDEXES = {"organization": (b"x", ME), "environment": (b"e", caller())}


@pytest.mark.parametrize(("kind", "who"), INDEXES.values(), ids=INDEXES)
def test_each_bit_of_a_member_of_an_index_counts(links, use, record, kind, who):
    (index,) = links.call((b"KEYS", b"s1:{0}:" + kind + b":*"))[0]
    (member, score) = links.call((b"ZRANGE", index, 0, -1, b"WITHSCORES"))[0]

    assert [row.name for row in use.lists.list(who, ListOptions()).rows] == ["mine"]
    for flipped in every_bit_of(member):
        links.call((b"DEL", index), (b"ZADD", index, score, flipped))
        assert refused(lambda: use.lists.list(who, ListOptions()))


@pytest.mark.parametrize("by", [-1, 1, 3_600_000_000])
@pytest.mark.parametrize(("kind", "who"), INDEXES.values(), ids=INDEXES)
def test_a_member_of_an_index_with_another_time_is_refused(links, use, record, kind, who, by):
    (index,) = links.call((b"KEYS", b"s1:{0}:" + kind + b":*"))[0]
    links.call((b"ZINCRBY", index, by, record.id.raw))

    with pytest.raises(IntegrityFailure):
        use.lists.list(who, ListOptions())


@pytest.mark.parametrize("member", [b"", b"x" * 15, b"x" * 17])
def test_a_member_of_an_index_that_is_no_id_is_refused(links, use, record, member):
    links.call((b"ZADD", f"s1:{{0}}:x:{record.environment}:{record.org}".encode(), record.updated_at, member))

    with pytest.raises(IntegrityFailure):
        listed(use)


@pytest.mark.parametrize(("kind", "who"), INDEXES.values(), ids=INDEXES)
def test_a_deleted_object_that_is_put_back_into_an_index_is_refused(links, use, record, kind, who):
    (index,) = links.call((b"KEYS", b"s1:{0}:" + kind + b":*"))[0]
    deleted = use.objects.delete(ME, str(record.id), version_check=None)
    links.call((b"ZADD", index, deleted.updated_at, record.id.raw))

    with pytest.raises(IntegrityFailure):
        use.lists.list(who, ListOptions())


def test_an_object_in_the_index_of_another_organization_of_the_caller_is_refused(links, use, record):
    """It would be listed twice."""
    both = caller(ACME, BETA)
    use.objects.create(THEM, name="theirs", value="v", context=context(organization_id=BETA))
    beta = f"s1:{{0}}:x:{record.environment}:{BETA}".encode()
    assert len(use.lists.list(both, ListOptions()).rows) == 2
    links.call((b"ZADD", beta, record.updated_at, record.id.raw))

    with pytest.raises(IntegrityFailure):
        use.lists.list(both, ListOptions())


def test_an_object_of_another_environment_in_an_index_is_refused(links, use, record):
    elsewhere = caller(environment=OTHER_ENVIRONMENT)
    index = f"s1:{{0}}:e:{OTHER_ENVIRONMENT}".encode()
    links.call((b"ZADD", index, record.updated_at, record.id.raw))

    with pytest.raises(IntegrityFailure):
        use.lists.list(elsewhere, ListOptions())


def test_a_name_that_points_at_another_object_is_refused(links, use, record):
    other = use.objects.create(ME, name="other", value="other", context=context())
    names = links.call((b"KEYS", b"s1:{0}:n:*"))[0]
    links.call(*((b"SET", name, other.id.raw) for name in names))

    with pytest.raises(IntegrityFailure):
        use.objects.read_by_name(ME, "mine", None)


def test_a_name_that_points_at_another_organization_is_refused(links, use, record):
    theirs = use.objects.create(THEM, name="mine", value="theirs", context=context(organization_id=BETA))
    names = links.call((b"KEYS", b"s1:{0}:n:*"))[0]
    links.call(*((b"SET", name, theirs.id.raw) for name in names))

    with pytest.raises(IntegrityFailure):
        use.objects.read_by_name(ME, "mine", None)


def test_index_members_of_another_organization_are_refused(links, use, record):
    use.objects.create(THEM, name="theirs", value="theirs", context=context(organization_id=BETA))
    mine, theirs = (f"s1:{{0}}:x:{record.environment}:{org}".encode() for org in (ACME, BETA))
    links.call((b"COPY", theirs, mine, b"REPLACE"))

    with pytest.raises(IntegrityFailure):
        listed(use)
