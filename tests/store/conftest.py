from functools import partial

import pytest

from docs.markdown import blocks, read, section
from faults.proxy import FaultProxy
from sealring.store.connection.links import Links
from support import stores
from support.cluster import running_cluster
from support.loop import using


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


@pytest.fixture
def proxy(valkey):
    """What loses answers of that Valkey, when it is told to."""
    proxy = FaultProxy(valkey)
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def acl_rules():
    """The words of the ACL line of docs/storage.md, after the name of the user."""
    (line,) = blocks(section(read("docs/storage.md"), "## A user for sealring"), "")
    word, name, *rules = line.split()
    assert (word, name) == ("user", "sealring")
    return rules


@pytest.fixture
def acl_url(valkey, links, acl_rules):
    """The URL of that Valkey, for a user who may do what docs/storage.md says and no more."""
    links.call((b"ACL", b"SETUSER", b"sealring", b"reset", *acl_rules))
    yield valkey.replace("unix://", "unix://sealring:a-long-password@")
    links.call((b"ACL", b"DELUSER", b"sealring"))


@pytest.fixture
def acl_links(acl_url):
    links = Links.to(acl_url)
    yield links
    links.close()


@pytest.fixture
def used(links):
    """Runs works in fibers that use the links, and returns their outcomes."""
    return partial(using, links)


LINKS = {
    "valkey": "links",
    "acl": "acl_links",
    "cluster": "cluster_links",
    "valkey in a fiber": "links",
    "cluster in a fiber": "cluster_links",
}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a test in a fiber, if its store is to be used so."""
    chosen = getattr(pyfuncitem, "callspec", None) and pyfuncitem.callspec.params.get("store", "")
    if not chosen or not chosen.endswith("in a fiber"):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    links = pyfuncitem._request.getfixturevalue(LINKS[chosen])

    (outcome,) = using(links, lambda: pyfuncitem.obj(**arguments))
    outcome.get()
    return True


@pytest.fixture(params=["memory", "fakeredis", *LINKS])
def store(request):
    """An empty store of each kind; `acl` is Valkey as the user of docs/storage.md."""
    return store_of(request)


def store_of(request):
    """Return a store of the kind that is the parameter of a fixture."""
    if request.param == "memory":
        return stores.memory()
    if request.param == "fakeredis":
        return stores.on_fakeredis()
    return stores.on_links(request.getfixturevalue(LINKS[request.param]))
