"""The commands, as a person runs them."""

import re
from contextlib import closing

import click
import pytest
from click.testing import CliRunner

from sealring.cli.main import main
from sealring.operator.embedded import EmbeddedValkey
from sealring.store.connection.links import Links
from support.commands import run_installed
from support.ports import free_port


def test_init_says_what_it_made(tmp_path):
    with EmbeddedValkey(tmp_path / "data") as store:
        said = run_installed("init", "--keys", "local", "--data-dir", tmp_path / "etc", "--store", store.url).stdout

    assert re.findall(r"made (signing key|root key|settings|the store)", said) == [
        "signing key",
        "root key",
        "settings",
        "the store",
    ]


def test_init_again_changes_nothing(run, installed):
    folder = installed.parent
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    said = run("init", "--data-dir", folder, "--store", before["store-url"].decode().strip()).stdout

    assert said == "the store was ready already\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_init_with_another_store_changes_nothing(run, installed, tmp_path):
    before = {path.name: path.read_bytes() for path in installed.parent.iterdir()}
    with EmbeddedValkey(tmp_path / "other") as store:
        failed = run("init", "--data-dir", installed.parent, "--store", store.url, check=False)

    assert failed.returncode == 1
    assert failed.stderr.startswith(
        f"Error: {installed.parent} belongs to another store than --store: use another --data-dir;"
    )
    assert {path.name: path.read_bytes() for path in installed.parent.iterdir()} == before
    assert run("check-config", "--config", installed).stdout.endswith("durable   ok: single\n")


def test_init_with_a_layout_that_is_left_of_another_installation_leaves_the_store_empty(run, installed, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir(0o700)
    (folder / "store-layout").write_bytes(installed.with_name("store-layout").read_bytes())
    with EmbeddedValkey(tmp_path / "other") as store:
        command = ("init", "--keys", "local", "--data-dir", folder, "--store", store.url)

        failed = run(*command, check=False)

        assert failed.returncode == 1
        assert f"Error: {folder}/store-layout belongs to another installation" in failed.stderr
        (folder / "store-layout").unlink()
        assert run(*command).stdout == "made the store ready, with 64 partitions\n"


def test_init_reads_the_url_of_the_store_from_standard_input(run, tmp_path):
    with EmbeddedValkey(tmp_path / "data") as store:
        command = ("init", "--keys", "local", "--data-dir", tmp_path / "etc", "--store-file", "-")

        said = run(*command, stdin=f"{store.url}\n".encode()).stdout

    assert said.endswith("made the store ready, with 64 partitions\n")
    assert (tmp_path / "etc/store-url").read_text() == f"{store.url}\n"


@pytest.mark.parametrize("told", [(), ("--store", "unix:///a", "--store-file", "b")])
def test_init_wants_one_url(run, tmp_path, told):
    failed = run("init", "--data-dir", tmp_path / "etc", *told, check=False)

    assert failed.returncode == 2
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize("command", [("init", "--store", "unix:///a"), ("dev", "--port", str(free_port()))])
def test_a_folder_that_cannot_be_made_is_said_in_a_line(run, tmp_path, command):
    (tmp_path / "file").touch()

    failed = run(*command, "--data-dir", tmp_path / "file/etc", check=False)

    assert (failed.returncode, failed.stderr) == (1, f"Error: {tmp_path}/file/etc: Not a directory\n")


def test_the_doctor_examines_the_store_of_the_settings(run, installed):
    assert run("doctor", "store", "--config", installed).stdout.count("ok ") > 10


def test_init_makes_secrets_for_their_owner_only(installed):
    modes = {path.name: path.stat().st_mode & 0o777 for path in installed.parent.iterdir()}

    assert installed.parent.stat().st_mode & 0o777 == 0o700
    assert (modes["root.key"], modes["token-key.pem"], modes["store-url"]) == (0o600, 0o600, 0o600)


def test_plugins_lists_what_is_installed(run):
    lines = [line.split()[:2] for line in run("plugins").stdout.splitlines()]

    assert lines == [
        ["awskms", "sealring-awskms"],
        ["azurekv", "sealring-azurekv"],
        ["example", "sealring-example-kms"],
        ["gcpkms", "sealring-gcpkms"],
        ["hsm", "sealring-hsm"],
        ["local", "sealring-local"],
        ["masterkey", "sealring-masterkey"],
    ]


def test_token_prints_a_token_and_nothing_else(run, installed):
    said = run("token", "--config", installed, "--org", "org_acme", "--subject", "backend").stdout

    assert re.fullmatch(r"eyJ[\w-]+\.[\w-]+\.[\w-]+\n", said)


@pytest.mark.parametrize("scope", [(), ("--org", "org_acme", "--all-organizations")])
def test_token_wants_one_kind_of_scope(run, installed, scope):
    failed = run("token", "--config", installed, "--subject", "backend", *scope, check=False)

    assert failed.returncode == 2


def commands(group=main, path=()):
    """Each command with the words that lead to it, those of providers included."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def test_every_command_has_help():
    found = dict(commands())

    assert {("dev",), ("serve",), ("token",), ("doctor", "store"), ("hsm", "init-root")} <= set(found)
    for path, command in found.items():
        said = CliRunner().invoke(main, [*path, "--help"], prog_name="sealring")
        assert said.exit_code == 0
        assert said.stdout.startswith(f"Usage: sealring {' '.join(path)} ")
        assert command.help


def test_the_installed_command_has_help():
    assert run_installed("--help").stdout.startswith("Usage: sealring [OPTIONS] COMMAND")


# --- sealring dev


def test_purge_goes_on_past_damaged_partitions_and_says_so(run, installed):
    with closing(Links.to((installed.parent / "store-url").read_text().strip())) as links:
        links.call(
            (b"SET", b"s1:{0}:t", b"x"), (b"SET", b"s1:{63}:a", b"x"), (b"XADD", b"s1:{62}:a", b"1-0", b"e", b"x")
        )

        said = run("purge", "--config", installed, check=False)

        assert said.stdout == "purged 0 objects, 1 audit entries\n"
        assert said.stderr.splitlines()[-1] == (
            "Error: 2 partitions are damaged and were not purged; `sealring verify` names them"
        )
        assert said.returncode == 1
        assert run("verify", "--config", installed, check=False).returncode == 1
