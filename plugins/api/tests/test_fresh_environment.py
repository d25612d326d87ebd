"""The kit needs nothing but its distribution, pytest and the plugin."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.torture  # it builds wheels for fifteen seconds

PLUGINS = Path(__file__).parents[2]
QUICK = "deks or dek or rejected or sdk or entry_point or setting"


def run(*command, cwd):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter of an environment with wheels of the example and of what it asks for."""
    folder = tmp_path_factory.mktemp("fresh")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--wheel-dir", folder]
    built = run(*pip, PLUGINS / "api", f"{PLUGINS / 'example'}[test]", cwd=folder)
    if built.returncode != 0:
        pytest.skip("no package index can be reached")
    venv.create(folder / "venv")
    install = [sys.executable, "-m", "pip", "--python", folder / "venv", "install", "--quiet", "--no-index"]
    installed = run(*install, "--find-links", folder, "sealring-example-kms[test]", cwd=folder)
    assert installed.returncode == 0, installed.stderr
    return folder / "venv" / "bin" / "python"


def test_the_contract_needs_nothing(python, tmp_path):
    listing = "import sealring_plugin, sys; print('pytest' in sys.modules)"

    assert run(python, "-c", listing, cwd=tmp_path).stdout == "False\n"


def test_the_example_keeps_its_promises_in_a_fresh_environment(python, tmp_path):
    test = (PLUGINS / "example" / "tests" / "test_conformance.py").read_text(encoding="utf-8")
    (tmp_path / "test_conformance.py").write_text(test, encoding="utf-8")

    ran = run(python, "-m", "pytest", "-k", QUICK, "--sealring-report=report.json", cwd=tmp_path)
    (section,) = json.loads((tmp_path / "report.json").read_text())["providers"]

    assert ran.returncode == 0, ran.stdout
    assert (section["distribution"], section["version"]) == ("sealring-example-kms", "0.1.0")
    assert section["broken"] == []
