import pytest

from archive.kit import tables
from isolation.environments import SecondEnvironment, add_environment
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from support.live import live_server, serving


@pytest.fixture(scope="session")
def environments(tmp_path_factory):
    """A server with two environments: its own, and one whose tokens come from an issuer of its own."""
    folder = tmp_path_factory.mktemp("environments")
    with EmbeddedValkey(folder) as store:
        list(installation.create_files(folder, store.url, "local"))
        add_environment(folder)
        with serving(folder, store.url, workers=1, threads=4) as server:
            yield server, SecondEnvironment(folder)


@pytest.fixture(scope="session")
def in_bucket(tmp_path_factory, storage):
    """A server whose keyrings are in a bucket."""
    folder = tmp_path_factory.mktemp("bucket")
    with live_server(folder, more=tables(folder, storage.made())) as server:
        yield server


@pytest.fixture(scope="module")
def server(request):
    """The server that a test names by its fixture."""
    return request.getfixturevalue(request.param)
