import pytest

from kubernetes import software
from kubernetes.cluster import Cluster

VERSIONS = [
    pytest.param((), id="newest"),
    pytest.param(("--emulated-version=1.34",), id="1.34", marks=pytest.mark.torture),
]


def pytest_collection_modifyitems(items):
    """Mark these tests. Without what `make test-kubernetes` builds, they cannot run, and say so."""
    missing = pytest.mark.skip(reason=f"no {software.CACHE}: make test-kubernetes builds it, in a quarter of an hour")
    for item in items:
        if item.path.is_relative_to(software.HERE):
            item.add_marker(pytest.mark.kubernetes)
            if not software.is_there():
                item.add_marker(missing)


@pytest.fixture(scope="session", params=VERSIONS)
def cluster(request, tmp_path_factory):
    """A real API server, as the newest version and as an older one."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), *request.param)
    with cluster.running():
        yield cluster
