"""Others' tools have nothing to say of what is shipped: hadolint, shellcheck, the schema of compose, actionlint."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from docs.markdown import ROOT
from support.installed import CACHE, NotInstalled, do, made_once, python_with

PINS = Path(__file__).with_name("linters.txt")
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"
SCRIPTS = sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file())


@pytest.fixture(scope="module")
def programs():
    """The folder of the tools that are Python packages."""
    return python_with(PINS, CACHE / "deploy" / "linters").parent


@pytest.fixture(scope="module")
def actionlint():
    folder = CACHE / "deploy" / "actionlint"

    def make():
        if shutil.which("go") is None:
            raise NotInstalled("actionlint needs Go, from https://go.dev or as your system's golang-go")
        folder.mkdir(parents=True)
        do(["go", "install", ACTIONLINT], folder, GOBIN=str(folder), GOFLAGS="", CGO_ENABLED="0")

    made_once(folder, ACTIONLINT.encode(), make)
    return folder / "actionlint"


def says(*command, given=None):
    done = subprocess.run(
        [str(each) for each in command], input=given, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_hadolint(programs):
    assert says(programs / "hadolint", ROOT / "Dockerfile") == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck(programs, script):
    assert says(programs / "shellcheck", script) == (0, "")


READ = """
import json, sys
from compose_spec import PyCompose
print(*PyCompose.from_json(sys.stdin.read()).service_names())
"""


def composed():
    """What compose makes of the file once the images are given."""
    text = re.sub(
        r"\$\{[A-Z]+_IMAGE:\?[^}]*\}",
        f"docker.io/of/somebody@sha256:{'0' * 64}",
        (ROOT / "deploy/compose.yaml").read_text(),
    )
    return yaml.safe_load(text)


def test_the_schema_of_compose(programs):
    status, names = says(programs / "python", "-c", READ, given=json.dumps(composed()))

    assert (status, sorted(names.split())) == (0, ["init", "proxy", "sealring", "store"])


def test_the_schema_of_compose_knows_what_is_none_of_it(programs):
    wrong = composed()
    wrong["services"]["store"]["cap_dropp"] = ["ALL"]

    assert says(programs / "python", "-c", READ, given=json.dumps(wrong))[0] == 1


@pytest.mark.torture
def test_actionlint(actionlint):
    assert says(actionlint, "-shellcheck=", *ROOT.glob(".github/workflows/*.yml")) == (0, "")
