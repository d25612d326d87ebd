import os

import pytest

from support.live import live_server


@pytest.fixture(scope="session")
def live(tmp_path_factory):
    """A real `sealring serve` on a real Valkey, shared by all tests of the session.

    SEALRING_TEST_KEYS=hsm runs them with keys in a token.
    """
    with live_server(tmp_path_factory.mktemp("live"), keys=os.environ.get("SEALRING_TEST_KEYS", "local")) as server:
        yield server
