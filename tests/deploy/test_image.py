"""The tree of the image, made without an engine, serves as any user, and holds nothing but what it needs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import dockerfile
from deploy.container import Container
from deploy.installed_server import ORG, Sealring
from deploy.layout import layout
from deploy.scenario import walk_through
from docs.markdown import ROOT
from support.valkeys import SINGLE, running_valkey

pytestmark = [pytest.mark.torture, pytest.mark.timeout(900)]

CANARY = "canary-5f0c2b8e"
ANYBODY = 1_000_760_000  # such users OpenShift chooses, with group 0
USERS = {"its own user": f"{layout.USER}:{layout.USER}", "a user of OpenShift's": f"{ANYBODY}:0"}
NOT_IN_IT = {
    "sh",
    "bash",
    "dash",
    "busybox",
    "pip",
    "pip3",
    "apt",
    "apt-get",
    "dpkg",
    "perl",
    "gcc",
    "cc",
    "ld",
    "as",
    "make",
}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


def laid_out(context, tree, work, *options):
    command = [sys.executable, str(context / "deploy/image/layout.py"), str(tree), "--work", str(work), *options]
    done = subprocess.run(command, env={**os.environ, "CANARY": CANARY}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return tree


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """What an engine gets of a checkout in which secrets lie about."""
    folder = tmp_path_factory.mktemp("context")
    for name in layout.INPUTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(
            ROOT / name,
            folder / name,
            **({"ignore": shutil.ignore_patterns("__pycache__", "tests")} if (ROOT / name).is_dir() else {}),
        )
    for name in (
        "root.key",
        ".env",
        "app/root.key",
        "app/.env",
        "plugins/local/root.key",
        "plugins/hsm/.env",
        "config/pin",
    ):
        (folder / name).write_text(CANARY)
    return folder


@pytest.fixture(scope="module")
def tree(context, work, tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    return laid_out(context, folder / "tree", work, "--sbom", str(folder / "sbom.cdx.json"))


@pytest.fixture
def store(tmp_path):
    with running_valkey(tmp_path / "valkey", *SINGLE) as url:
        yield url


def contained(tree, folder, user):
    """A container whose volume has the owner and the rights that the image gives it."""
    folder.mkdir()
    os.chown(folder, layout.USER, 0)
    folder.chmod(0o770)
    return Container(tree, folder, user)


@pytest.mark.parametrize("keys", ["hsm", "local"])
@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_the_sdk_works_with_a_server_of_any_user(tree, store, tmp_path, user, keys):
    inside = contained(tree, tmp_path / "etc", user)
    sealring = Sealring(inside.command, inside.environment, "/etc/sealring", keys)

    with sealring.serving(store, tmp_path / "server.log") as served:
        walk_through(served.url, served.token, ORG, tmp_path / "sdk.log")
        status = Path(f"/proc/{served.workers[0]}/status").read_text()
        program, flag, code = dockerfile.read()[1][-1].health
        healthy = inside.run(program, flag, code.replace("http://127.0.0.1:8420", served.url))

    assert healthy.returncode == 0, healthy.stderr
    assert f"Uid:\t{user.partition(':')[0]}\t" in status
    assert "CapEff:\t0000000000000000" in status


def test_the_check_of_health_fails_if_nobody_serves(tree, tmp_path):
    inside = contained(tree, tmp_path / "etc", USERS["its own user"])

    assert inside.run(*dockerfile.read()[1][-1].health).returncode == 1


def test_nothing_of_it_can_be_written(tree, tmp_path):
    inside = contained(tree, tmp_path / "etc", "0:0")
    tried = "import sys\nfor p in sys.argv[1:]:\n try: open(p, 'w'); print(p)\n except OSError as e: assert e.errno == 30, e"

    done = inside.run("python", "-c", tried, "/x", "/usr/local/bin/x", "/etc/x", "/run/x")

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_all_of_it_can_be_read_by_anybody_and_only_the_settings_are_not_roots(tree):
    paths = [path for path in tree.rglob("*") if not path.is_symlink()]

    assert [path for path in paths if path != tree / layout.SETTINGS and path.stat().st_mode & 0o444 != 0o444] == []
    assert [path for path in paths if path.stat().st_uid != 0] == [tree / layout.SETTINGS]
    assert [path for path in paths if path.stat().st_mode & 0o6000] == []


def test_it_has_no_shell_no_installer_and_no_compiler(tree, tmp_path):
    inside = contained(tree, tmp_path / "etc", USERS["its own user"])
    programs = {
        path.name for path in tree.rglob("*") if path.stat().st_mode & 0o100 and path.is_file() and layout.is_elf(path)
    }

    assert programs & NOT_IN_IT == set()
    assert {path.name for path in (tree / "usr/local/bin").iterdir()} == {
        "python",
        "python3",
        layout.VERSION,
        "sealring",
    }
    for module in ("pip", "ensurepip", "setuptools", "hatchling"):
        assert "No module named" in inside.run("python", "-c", f"import {module}").stderr


def test_nothing_that_lies_in_the_checkout_or_the_environment_gets_into_it(tree):
    hold = [
        path
        for path in [*tree.rglob("*"), *tree.parent.glob("*.json")]
        if path.is_file() and CANARY.encode() in path.read_bytes()
    ]

    assert hold == []


def test_what_it_holds_is_listed(tree, work):
    listed = (tree.parent / "sbom.cdx.json").read_text()
    packages = {
        path.name.partition("-")[0].lower().replace("_", "-")
        for path in tree.glob("usr/local/lib/python3*/site-packages/*.dist-info")
    }

    checked = subprocess.run(
        [work / "tools/bin/python", "-c", VALIDATE], input=listed, capture_output=True, text=True, check=False
    )  # fmt: skip
    names = {each["name"].lower().replace("_", "-") for each in layout.json.loads(listed)["components"]}

    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout + checked.stderr
    assert packages - {"sealring"} <= names
    assert {"python", "libc6", "libsofthsm2", "libssl3", "sealring-hsm"} <= names


VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = sys.stdin.read()
print(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) or "", end="")
"""


def test_a_plugin_that_was_not_chosen_is_not_there(context, work, tmp_path):
    tree = laid_out(context, tmp_path / "tree", work, "--plugins", "local", "--softhsm", "no")
    inside = contained(tree, tmp_path / "etc", USERS["its own user"])

    said = inside.run("sealring", "plugins")

    assert [line.split()[0] for line in said.stdout.splitlines()] == ["local"]
    assert list(tree.glob("usr/local/lib/python3*/site-packages/botocore")) == []
    assert list(tree.rglob("libsofthsm2.so")) == []
