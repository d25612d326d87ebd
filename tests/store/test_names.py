"""A name leads to a live object; an index says when each was written: whoever changes either is found out, or nothing."""

import pytest

from sealring.errors import IntegrityFailure
from sealring.store.schema.keyspace import Keyspace
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, services
from support.stores import KEYS, on_links

KEYSPACE = Keyspace(4, KEYS)
ME = caller(ACME)


@pytest.fixture
def store(links):
    return on_links(links)


@pytest.fixture
def use(store):
    return services(store)


def test_a_name_that_leads_to_a_deleted_object_leads_to_nothing(links, store, use):
    """And keeps nobody from the object of that name which another organization has."""
    deleted = use.objects.create(ME, name="name", value="v", context=context())
    use.objects.delete(ME, str(deleted.id), version_check=None)
    links.call((b"SET", KEYSPACE.name(ENVIRONMENT, ACME, "name"), deleted.id.raw))
    use.objects.create(caller(BETA), name="name", value="theirs", context=context(organization_id=BETA))

    assert store.objects.find(ENVIRONMENT, ACME, "name") is None
    assert use.objects.read_by_name(caller(), "name", None).value == "theirs"


@pytest.mark.parametrize("by", [-1, 1, 3_600_000_000])
def test_an_object_whose_index_says_that_it_was_written_at_another_time_is_not_answered(links, use, by):
    record = use.objects.create(ME, name="name", value="v", context=context())
    for index in (KEYSPACE.org_index(ENVIRONMENT, ACME), KEYSPACE.environment_index(ENVIRONMENT, record.id.partition)):
        for member in links.call((b"ZRANGE", index, 0, -1))[0]:
            links.call((b"ZINCRBY", index, by, member))

    for ask in (use.objects.read, use.objects.describe, use.explanations.explain):
        with pytest.raises(IntegrityFailure) as refused:
            ask(ME, str(record.id))
        assert refused.value.reason == "rolled back"


def test_a_name_is_of_one_organization_in_one_environment(links):
    """In a store of one partition, where all of them lie together."""
    use = services(on_links(links, partitions=1))
    mine, theirs = context(), context(organization_id=BETA)
    elsewhere = caller(ACME, environment=OTHER_ENVIRONMENT)

    for who, made, value in ((ME, mine, "mine"), (caller(BETA), theirs, "theirs"), (elsewhere, mine, "elsewhere")):
        use.objects.create(who, name="name", value=value, context=made)

    named = [use.objects.read_by_name(who, "name", None).value for who in (ME, caller(BETA), elsewhere)]
    assert named == ["mine", "theirs", "elsewhere"]
