"""The wheels in dist/, installed without the checkout (.ci/wheels), serve the SDK. `make release-check` builds them first."""

import os
import subprocess

import pytest

from deploy.installed_server import ORG, Sealring
from deploy.scenario import walk_through
from docs.markdown import ROOT
from support.valkeys import SINGLE, running_valkey

pytestmark = [pytest.mark.torture, pytest.mark.timeout(900)]

CLEAN = ROOT / ".cache" / "wheels" / "clean" / "bin"


@pytest.fixture(scope="module")
def clean():
    """The environment that has the wheels and what they need."""
    if not (CLEAN / "sealring").exists():
        subprocess.run([ROOT / ".ci" / "wheels"], check=True)
    return CLEAN


@pytest.fixture
def sealring(clean, tmp_path):
    """The command in it, far from the checkout."""
    settings = tmp_path / "etc"

    def command(program, *arguments):
        return ["env", f"--chdir={tmp_path}", str(clean / program), *arguments]

    return Sealring(command, {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}, str(settings))


def test_a_server_from_the_wheels_serves_the_sdk(sealring, tmp_path):
    with (
        running_valkey(tmp_path / "valkey", *SINGLE) as store,
        sealring.serving(store, tmp_path / "server.log") as served,
    ):
        walk_through(served.url, served.token, ORG, tmp_path / "sdk.log")


def test_nothing_of_it_comes_from_the_checkout(sealring, clean, tmp_path):
    program = "import sealring, sealring_plugin, sealring_hsm; print(sealring.__file__, sealring_plugin.__file__, sealring_hsm.__file__)"

    said = subprocess.run(
        sealring.command("python", "-c", program), env=sealring.environment, capture_output=True, text=True, check=True
    )

    assert {path.startswith(str(clean.parent)) for path in said.stdout.split()} == {True}
