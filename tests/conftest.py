import pytest

from support.live import live_server


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """A real `sealring serve` on a real Valkey, shared by all tests of the session."""
    with live_server(tmp_path_factory.mktemp("live")) as server:
        yield server
