"""The directory of names: the hint of whose a name may be. It holds no name of a create that was refused."""

import pytest

from sealring.domain.ids import ObjectId
from sealring.domain.ports import Place
from sealring.errors import KeyDisabled, NameTaken
from sealring.store.schema.keyspace import Keyspace
from support.make import ACME, ENVIRONMENT, caller, context, services
from support.stores import KEYS, on_links

ME = caller(ACME)
KEYSPACE = Keyspace(4, KEYS)


def owners(links, name):
    return links.call((b"HKEYS", KEYSPACE.directory(ENVIRONMENT, name)))[0]


@pytest.fixture
def store(links):
    return on_links(links)


def test_a_created_object_stands_in_it(links, store):
    services(store).objects.create(ME, name="name", value="v", context=context())

    assert owners(links, "name") == [b"\x08org_acme"]


def test_a_name_whose_create_a_key_refused_does_not(links, store):
    def refused(_epoch):
        raise KeyDisabled("Its owner disabled the key.")

    home = KEYSPACE.home(ENVIRONMENT, ACME)
    for name in ("one", "two", "three", "four"):  # whose directories are in other slots of a cluster
        with pytest.raises(KeyDisabled):
            store.objects.create(Place(ObjectId.new(home), ENVIRONMENT, ACME, name), refused, None)

    assert [owners(links, name) for name in ("one", "two", "three", "four")] == [[]] * 4


def test_a_name_that_is_taken_is_not_written_again(links, store):
    use = services(store)
    use.objects.create(ME, name="name", value="v", context=context())
    links.call((b"DEL", KEYSPACE.directory(ENVIRONMENT, "name")))

    with pytest.raises(NameTaken):
        use.objects.create(ME, name="name", value="w", context=context())

    assert owners(links, "name") == []
