from contextlib import closing
from dataclasses import dataclass

import pytest

from adversary.rooted import Attacked, Watched, installed
from adversary.scene import scene_on
from archive.kit import two_servers
from isolation.environments import SecondEnvironment, add_environment
from sealring import settings
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.installation import SETTINGS_FILE
from sealring.server import wiring
from sealring.store.connection.links import Links
from support.live import LiveServer, running, serving


@dataclass
class Servers:
    """Two servers of two workers each on one store, with two environments."""

    one: LiveServer
    other: LiveServer
    second: SecondEnvironment


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adversary")
    with EmbeddedValkey(folder) as store:
        list(installation.create_files(folder, store.url, "local"))
        add_environment(folder)
        with (
            serving(folder, store.url, threads=16) as one,
            running(folder / SETTINGS_FILE, folder / "other.log", one.kms, threads=16) as other,
        ):
            yield Servers(one, other, SecondEnvironment(folder))


@pytest.fixture(scope="session")
def servers_with_bucket(tmp_path_factory, storage):
    """Two servers of two workers each whose keyrings are in a bucket. It holds those of one environment."""
    folder = tmp_path_factory.mktemp("bucket")
    with EmbeddedValkey(folder) as store, two_servers(folder, store.url, storage.made()) as both:
        yield both


@pytest.fixture
def scene(valkey):
    with scene_on(valkey) as scene:
        yield scene


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory):
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey.url


@pytest.fixture
def attacked(own_valkey, tmp_path):
    with closing(Links.to(own_valkey)) as links:
        links.call((b"FLUSHALL",))
    kms = Watched()
    kms.start()
    path = installed(tmp_path / "etc", own_valkey, kms)
    config = settings.load(path)
    wiring.initialise_store(config, 4)
    yield Attacked(config, kms)
    kms.stop()
