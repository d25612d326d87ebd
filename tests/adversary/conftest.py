from dataclasses import dataclass

import pytest

from adversary.scene import scene_on
from isolation.environments import SecondEnvironment, add_environment
from sealring import installation
from sealring.installation import SETTINGS_FILE
from support.live import LiveServer, live_server, running


@dataclass
class Servers:
    """Two servers of two workers each on one store, with two environments."""

    one: LiveServer
    other: LiveServer
    second: SecondEnvironment


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adversary")
    list(installation.create_files(folder, "unix:///filled-in-when-the-store-runs", "local"))
    add_environment(folder)
    with (
        live_server(folder, threads=16) as one,
        running(folder / SETTINGS_FILE, folder / "other.log", one.kms, threads=16) as other,
    ):
        yield Servers(one, other, SecondEnvironment(folder))


@pytest.fixture
def scene(valkey):
    with scene_on(valkey) as scene:
        yield scene
