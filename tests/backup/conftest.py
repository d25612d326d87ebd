from contextlib import closing

import pytest

from backup.kit import Installation
from sealring import installation, settings, wiring
from sealring.store.embedded import EmbeddedValkey
from sealring.store.links import Links


@pytest.fixture(scope="session")
def engines(tmp_path_factory):
    """The URLs of two real Valkeys."""
    with EmbeddedValkey(tmp_path_factory.mktemp("one")) as one, EmbeddedValkey(tmp_path_factory.mktemp("two")) as two:
        yield one.url, two.url


@pytest.fixture
def partitions():
    return 2


@pytest.fixture
def installed(engines, tmp_path, partitions):
    """An installation with keys in software, its store ready, and the other one empty."""
    for url in engines:
        with closing(Links.to(url)) as links:
            links.call((b"FLUSHALL",))
    list(installation.create_files(tmp_path / "etc", engines[0], "local"))
    config = settings.load(tmp_path / "etc" / installation.SETTINGS_FILE)
    wiring.initialise_store(config, partitions)
    return Installation(config, engines[1], tmp_path)


@pytest.fixture
def opened(installed):
    """Its store, in use."""
    with installed.opened() as store:
        yield store
