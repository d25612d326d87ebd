import pytest

from support.live import live_server


@pytest.fixture(scope="session")
def live_with_threads(tmp_path_factory):
    """As `live`, with threads instead of an event loop."""
    with live_server(tmp_path_factory.mktemp("threads"), worker="threads") as server:
        yield server
