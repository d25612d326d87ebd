"""`sealring keyrings`, as the operator runs it, and the commands of docs/keyrings.md."""

import base64
import json
import os
import shlex
import subprocess

import pytest

from docs.markdown import blocks, read, section
from revocations.commands import run
from sealring import settings
from sealring.auth.scoping import operator
from sealring.domain.keyrings import Keyring
from sealring.domain.principal import Caller
from sealring.observability.logs import Log
from sealring.server.keyring_wiring import opened_keyrings
from support.commands import SEALRING
from vectors.keyring_reader import message

PAGE = read("docs/keyrings.md")
RING = Keyring("org_acme/payments")
SAFE = (
    "safe to drop if every server has the settings of this command, and no backup that you may restore is older than "
    "this roll"
)
NO_SUCH = "Error: there is no such keyring; `sealring keyrings list` prints those of an environment\n"
OLD, NEW = (base64.b64encode(message((1, key_id), (3, bytes(32)))).decode() for key_id in ("kek_old", "kek_new"))


def used(path, data=b"value", ring=RING):
    """Encrypt with a keyring, as a server does."""
    config = settings.load(path)
    caller = Caller(operator(config.environments[0]), "test", deadline=float("inf"))
    with opened_keyrings(config, Log()) as opened:
        sealed = opened.keyrings.encrypt(ring, data, caller)
        assert opened.keyrings.decrypt(ring, sealed.encrypted, caller) == data
        return sealed


def ok(path, *arguments):
    ended = run(path, "keyrings", *arguments)
    assert ended.exit_code == 0, ended.output
    return ended


def test_the_commands_of_the_page_do_what_it_says(path):
    lines = blocks(section(PAGE, "## For operators"), "sh")[0].splitlines()
    list_, show, rotate, roll, destroy = [shlex.split(line)[2:] for line in lines]
    first = used(path).key_id

    assert json.loads(ok(path, *list_).stdout) == {"keyring": "org_acme/payments", "keys": 1}
    (shown,) = json.loads(ok(path, *show).stdout)
    assert (shown["id"], shown["newest"], shown["encryptions"]) == (first, True, 1)
    made = json.loads(ok(path, *rotate).stdout)
    assert [each["id"] for each in json.loads(ok(path, *show).stdout)] == [first, made["id"]]
    assert ok(path, *roll).stdout.startswith("wrapped anew: 0, under their KEKs already: 3, failed: 0\n")
    assert ok(path, *destroy).stderr == "destroyed 2 keys\n"
    assert ok(path, *list_).stdout == ""


def test_a_keyring_that_does_not_exist_is_not_destroyed_and_none_without_a_yes(path):
    for command in (("destroy", "org_acme/none", "--yes"), ("show", "org_acme/none")):
        refused = run(path, "keyrings", *command)
        assert (refused.exit_code, refused.stderr) == (1, NO_SUCH)
    used(path)

    assert run(path, "keyrings", "destroy", "org_acme/payments").exit_code == 1

    assert ok(path, "list").stdout != ""


def test_a_name_that_no_keyring_can_have_is_refused(path):
    ended = run(path, "keyrings", "rotate", "a\nb")

    assert ended.exit_code == 2
    assert "control character" in ended.stderr


def test_an_unknown_environment_is_refused(path):
    ended = run(path, "keyrings", "list", "--environment", "environment_01J8Z3K5N7Q9S1T3V5X7Z9B1D3")

    assert ended.exit_code == 1


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ("fresh_s = -1", "[keyrings] fresh_s must be a whole number from 0 to 86400"),
        ("fresh_s = 60\nstale_s = 59", "[keyrings] stale_s must not be less than fresh_s"),
        ('envelope = "open"', "[keyrings] envelope must be 'bound' or 'compatible'"),
        ("other = 1", "[keyrings] other is not a setting; known are:"),
        ('master_keys = "masterkey"', "[keyrings] master_keys 'masterkey' must have [plugins.masterkey]"),
        ('master_keys = "local"', "[keyrings] master_keys 'local' must have [plugins.local], and no part in [keys]"),
    ],
)
def test_wrong_settings_of_keyrings_are_refused(path, lines, wrong):
    path.write_text(path.read_text() + f"\n[keyrings]\n{lines}\n")

    ended = run(path, "keyrings", "list")

    assert ended.exit_code == 1
    assert wrong in ended.stderr


def test_the_page_makes_master_keys_below_those_that_are_there(path, tmp_path):
    (command,) = blocks(section(PAGE, "### Static master keys"), "sh")
    (tables,) = blocks(section(PAGE, "### Static master keys"), "toml")
    path.write_text(f"{path.read_text()}\n{tables}")
    surroundings = {**os.environ, "SEALRING_CONFIG": str(path), "PATH": f"{SEALRING.parent}:{os.environ['PATH']}"}

    for _ in range(2):
        subprocess.run(["sh", "-ec", command], cwd=tmp_path, env=surroundings, timeout=60, check=True)

    first, second = (tmp_path / "master-keys").read_text().splitlines()
    assert first != second
    used(path)
    (dek,) = json.loads(ok(path, "show", RING.name).stdout)
    (kek,) = dek["keks"]
    assert kek.encode() in base64.b64decode(first)
    checked = run(path, "check-config")
    assert checked.exit_code == 0, checked.output


def test_master_keys_are_rolled_and_the_old_one_is_dropped(path, tmp_path):
    keys = tmp_path / "master-keys"

    def write(*lines):
        keys.write_text("\n".join(lines))
        keys.chmod(0o600)

    write(OLD)
    path.write_text(
        path.read_text()
        + '\n[plugins.masterkey]\nmaster_keys_file = "master-keys"\n\n[keyrings]\nmaster_keys = "masterkey"\n'
    )
    used(path)
    write(NEW, OLD)

    said = ok(path, "roll").stdout.splitlines()

    assert said[0] == "wrapped anew: 1, under their KEKs already: 1, failed: 0"
    assert said[1:] == [
        "KEK kek_new: guards 2 keys",
        f"KEK kek_old: guards no key any more; {SAFE}",
    ]
    write(NEW)
    used(path)
    write("noise")
    ended = run(path, "check-config")
    assert ended.exit_code == 1
    assert "line 1 is not the base64 of a master key" in ended.output
