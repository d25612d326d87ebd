import pytest

from isolation.environments import SecondEnvironment, add_environment
from sealring import installation
from support.live import live_server


@pytest.fixture(scope="session")
def environments(tmp_path_factory):
    """A server with two environments: its own, and one whose tokens come from an issuer of its own."""
    folder = tmp_path_factory.mktemp("environments")
    list(installation.create_files(folder, "unix:///filled-in-when-the-store-runs", "local"))
    add_environment(folder)
    with live_server(folder, workers=1, threads=4) as server:
        yield server, SecondEnvironment(folder)
