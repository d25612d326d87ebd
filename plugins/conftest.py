"""What the tests of all plugins share."""  # noqa: INP001  pytest loads it by its path

import os

import pytest


@pytest.fixture(autouse=True)
def _no_authorities_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS of a test's own process trusts no authority of this machine: to read all of them takes 40 ms a provider."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
