"""The official suite of Connect, against what `sealring serve` mounts: every unary case, with no known failure."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from connect.programs import HERE, conformance_descriptors, conformance_runner
from connect.runner.variables import DESCRIPTORS
from sealring import settings
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["loop", pytest.param("threads", marks=pytest.mark.torture)])
def installed(request, tmp_path_factory):
    """The settings of a server that could start, and its kind of worker."""
    folder = tmp_path_factory.mktemp("conformance")
    with EmbeddedValkey(folder) as store:
        list(installation.create_files(folder, store.url, "local"))
        path = folder / installation.SETTINGS_FILE
        with path.open("a") as file:
            file.write(f'\n[server]\nworker = "{request.param}"\n')
        wiring.initialise_store(settings.load(path), 4)
        yield path, request.param


def test_the_official_suite_passes_whole(installed):
    path, worker = installed
    server = [sys.executable, str(HERE / "runner" / "server.py"), str(path), worker]
    suite = [
        str(conformance_runner()),
        "--mode",
        "server",
        "--conf",
        str(HERE / "runner" / "conf.yaml"),
        "--parallel",
        "4",
    ]
    paths = [str(ROOT / "tests"), *sys.path]
    variables = {DESCRIPTORS: str(conformance_descriptors()), "PYTHONPATH": os.pathsep.join(paths)}

    done = subprocess.run(
        [*suite, "--", *server], check=False, env=os.environ | variables, capture_output=True, text=True, timeout=240
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    passed, failed = re.search(r"(\d+) passed, (\d+) failed", done.stdout).groups()
    assert (int(passed) >= 150, failed) == (True, "0"), done.stdout[-2000:]
