import pytest

from sealring.store.links import Links
from support import stores
from support.cluster import running_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Three primaries and three replicas."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster_links(cluster):
    """Links to an empty cluster; a write counts when a replica has it."""
    cluster.empty()
    links = Links.to(cluster.url, replicas=1)
    yield links
    links.close()


@pytest.fixture(params=["memory", "fakeredis", "valkey", "cluster"])
def store(request):
    """An empty store of each kind."""
    if request.param == "memory":
        return stores.memory()
    if request.param == "fakeredis":
        return stores.on_fakeredis()
    kind = "cluster_links" if request.param == "cluster" else "links"
    return stores.on_links(request.getfixturevalue(kind))
