import pytest

from isolation.environments import SecondEnvironment, add_environment
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from support.live import serving


@pytest.fixture(scope="session")
def environments(tmp_path_factory):
    """A server with two environments: its own, and one whose tokens come from an issuer of its own."""
    folder = tmp_path_factory.mktemp("environments")
    with EmbeddedValkey(folder) as store:
        list(installation.create_files(folder, store.url, "local"))
        add_environment(folder)
        with serving(folder, store.url, workers=1, threads=4) as server:
            yield server, SecondEnvironment(folder)
