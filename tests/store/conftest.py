import pytest

from sealring.store.embedded import EmbeddedValkey
from sealring.store.links import Links
from support import stores


@pytest.fixture(scope="session")
def valkey(tmp_path_factory):
    """The URL of a real Valkey."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as store:
        yield store.url


@pytest.fixture
def links(valkey):
    """Links to a real and empty Valkey."""
    links = Links.to(valkey)
    links.call((b"FLUSHALL",))
    yield links
    links.close()


@pytest.fixture(params=["memory", "fakeredis", "valkey"])
def store(request):
    """An empty store of each kind."""
    if request.param == "memory":
        return stores.memory()
    if request.param == "fakeredis":
        return stores.on_fakeredis()
    return stores.on_links(request.getfixturevalue("links"))
