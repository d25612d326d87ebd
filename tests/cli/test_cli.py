"""The commands, as a person runs them."""

import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sealring.auth.signing import create_signing_key
from sealring.cli.main import main
from sealring.operator.embedded import EmbeddedValkey
from sealring.store.connection.links import Links
from support.commands import SEALRING, run_installed
from support.live import ask
from support.ports import free_port
from support.roots import replace_roots
from support.waiting import becomes_true, is_gone


@pytest.fixture
def run(run_sealring):
    return run_sealring


@pytest.fixture
def installed(run, tmp_path):
    """An initialised installation with its store running, and the path of its settings."""
    with EmbeddedValkey(tmp_path / "data") as store:
        run("init", "--keys", "local", "--data-dir", tmp_path / "etc", "--store", store.url)
        yield tmp_path / "etc" / "sealring.toml"


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


def test_check_config_reaches_store_and_keys(run, installed):
    said = run("check-config", "--config", installed).stdout

    assert [line.split(":")[0] for line in said.splitlines()] == [
        "settings  ok",
        "plugin    ok",
        "issuer    ok",
        "token     ok",
        "keys      ok",
        "store     ok",
        "durable   ok",
    ]
    assert said.endswith("durable   ok: single\n")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b'{"keys":[]}', "is refused: no key for RS256, PS256, ES256 or EdDSA signatures."),
        (b"\xef\xbb\xbf{}", "is refused: it begins with a byte order mark; save it as UTF-8 without BOM."),
    ],
)
def test_check_config_refuses_the_keys_of_an_issuer_as_serve_does(run, installed, content, wrong):
    jwks_file = installed.with_name("token-jwks.json")
    jwks_file.write_bytes(content)

    checked = run("check-config", "--config", installed, check=False)
    served = run("serve", "--config", installed, "--bind", f"127.0.0.1:{free_port()}", "--workers", 1, check=False)

    assert checked.returncode == 1
    assert checked.stderr == f"Error: jwks_file {jwks_file} {wrong}\n"
    assert f"jwks_file {jwks_file} {wrong}" in served.stdout + served.stderr


def test_check_config_says_that_an_issuer_is_out_of_reach(run, installed):
    text = installed.read_text().replace('"token-jwks.json"', '"http://127.0.0.1:1/jwks"')
    installed.write_text(text.replace("jwks_file", "jwks_url"))

    failed = run("check-config", "--config", installed, check=False)

    assert failed.returncode == 1
    assert failed.stderr == (
        "Error: issuer 'urn:sealring:local': its jwks_url on 127.0.0.1:1 gives no keys: connection refused\n"
    )


def test_check_config_says_that_the_signing_key_is_another(run, installed):
    installed.with_name("token-key.pem").unlink()
    create_signing_key(installed.with_name("token-key.pem"))

    for command in (["check-config"], ["token", "--subject", "a", "--org", "org_a"]):
        failed = run(*command, "--config", installed, check=False)

        assert failed.returncode == 1
        assert "does not match the keys of 'urn:sealring:local'" in failed.stderr


def test_check_config_says_that_a_store_is_empty(run, installed, tmp_path):
    with EmbeddedValkey(tmp_path / "other") as store:
        (installed.parent / "store-url").write_text(store.url)
        failed = run("check-config", "--config", installed, check=False)

    assert failed.returncode == 1
    assert (
        failed.stderr
        == "Error: the store is empty: if it is new, make it ready with `sealring init`; if it had data, find out what emptied it, and restore a backup with `sealring restore`\n"
    )


def test_check_config_says_that_a_store_is_away(run, installed):
    (installed.parent / "store-url").write_text("redis://127.0.0.1:1")

    failed = run("check-config", "--config", installed, check=False)

    assert failed.returncode == 1
    why = "Error 111 connecting to 127.0.0.1:1. Connection refused."
    assert failed.stderr == f"Error: The store does not answer. Try again later. ({why})\n"


def test_check_config_says_that_the_root_is_another(run, installed):
    replace_roots(installed.parent / "root.key")

    failed = run("check-config", "--config", installed, check=False)

    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: the store was made with other keys of 'local'")


def test_serve_does_not_start_without_its_root_key(run, installed):
    (installed.parent / "root.key").unlink()

    failed = run("serve", "--config", installed, "--bind", f"127.0.0.1:{free_port()}", "--workers", 1, check=False)

    assert failed.returncode != 0
    assert "cannot start: The key's provider is not set up. (root key file" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_bad_settings_stop_the_start_with_one_line(installed, command):
    installed.write_text(installed.read_text() + "\n[limit]\n")

    failed = run_installed(command, "--config", installed)

    assert failed.returncode == 1
    assert (
        failed.stderr
        == "Error: [limit] is not a setting; known are: store, keys, seal, plugins, issuers, token, limits, server, logs, traces, keyrings, connect, portal\n"
    )


def test_a_missing_plugin_stops_the_start_with_one_line(run, installed):
    installed.write_text(
        installed.read_text().replace("local]", "cloud]").replace('managed = "local"', 'managed = "cloud"')
    )

    failed = run("serve", "--config", installed, check=False)

    assert (
        failed.stderr
        == "Error: [plugins.cloud]: no such plugin is installed; installed are: awskms, azurekv, example, gcpkms, hsm, local, masterkey\n"
    )


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


class Dev:
    """A running `sealring dev`."""

    def __init__(self, data_dir, port, *options):
        fixed = ("--data-dir", data_dir, "--port", str(port), "--workers", "1", "--keys", "local")
        command = [SEALRING, "dev", *fixed, *options]
        self.output = data_dir.with_suffix(".log")
        self.began = time.monotonic()
        with self.output.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self.env_file = data_dir / "dev.env"
        assert becomes_true(lambda: self.process.poll() is not None or "Ctrl-C" in self.output.read_text())
        self.took_s = time.monotonic() - self.began

    def environment(self):
        return dict(line.removeprefix("export ").split("=", 1) for line in self.env_file.read_text().splitlines())

    def ask(self, method, path, body=None):
        environment = self.environment()
        return ask(environment["SEALRING_URL"], method, path, token=environment["SEALRING_TOKEN"], body=body)

    def create(self):
        body = {"name": "kept", "value": "world", "key_context": {"organization_id": "org_acme"}}
        return self.ask("POST", "/vault/v1/kv", body).json["id"]

    def read(self, object_id):
        return self.ask("GET", f"/vault/v1/kv/{object_id}").json["value"]

    def children(self):
        """All processes under this one."""
        found, pids = [], [self.process.pid]
        while pids:
            pid = pids.pop()
            below = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            found += below
            pids += below
        return found

    def stop(self, with_signal=signal.SIGINT):
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=30)


@pytest.fixture
def dev(tmp_path):
    running = []

    def start(*options):
        running.append(Dev(tmp_path / "dev", free_port(), *options))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.stop()


def test_dev_keeps_its_data_over_a_restart(dev):
    first = dev()
    made = first.create()
    first.stop()

    assert dev().read(made) == "world"


def test_the_snippet_that_dev_prints_works_when_pasted_twice(dev):
    running = dev()
    snippet = re.search(r"^from time.*?^print.*?$", running.output.read_text(), re.MULTILINE | re.DOTALL)[0]

    for _ in range(2):
        pasted = subprocess.run(
            [sys.executable, "-"], input=snippet, capture_output=True, text=True, timeout=60, check=True
        )
        assert pasted.stdout == "world\n"
    assert len(snippet.splitlines()) == 6


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_nothing_of_dev_is_left_running(dev, by):
    running = dev()
    children = running.children()

    running.stop(by)

    assert len(children) >= 3
    assert becomes_true(lambda: all(map(is_gone, children)))


def test_nothing_is_left_when_dev_itself_is_killed(dev):
    running = dev()
    children = running.children()

    running.stop(signal.SIGKILL)

    assert becomes_true(lambda: all(map(is_gone, children)))


def test_the_variables_of_dev_are_all_that_the_commands_need(dev, tmp_path):
    running = dev()
    said = re.search(r"after: (.*)$", running.output.read_text(), re.MULTILINE)[1]
    script = f"{said}\nprintf v | {SEALRING} kv put name --org org_a\n{SEALRING} kv get name\n{SEALRING} token --subject a --org org_a"

    shell = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=True)

    assert re.fullmatch(r"created name, id secret_\w+, version [\w-]+\nveyJ[\w.-]+\n", shell.stdout)


def test_dev_says_that_its_port_is_taken(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        failed = run("dev", "--data-dir", "/nonexistent", "--port", port, check=False)

    assert (
        failed.stderr == f"Error: cannot listen on 127.0.0.1:{port} (Address already in use); choose another --port\n"
    )


def test_dev_keeps_to_the_provider_that_its_data_has(run, dev, tmp_path):
    dev().stop()

    failed = run("dev", "--data-dir", tmp_path / "dev", "--port", free_port(), "--keys", "hsm", check=False)

    assert failed.returncode == 1
    assert "has its managed keys in 'local'; use another --data-dir for 'hsm'" in failed.stderr


def test_dev_can_use_another_store(dev, tmp_path):
    with EmbeddedValkey(tmp_path / "other") as store:
        running = dev("--store", store.url)

        assert running.read(running.create()) == "world"
        running.stop()
    assert not (tmp_path / "dev" / "store").exists()


def test_purge_goes_on_past_damaged_partitions_and_says_so(run, installed):
    with closing(Links.to((installed.parent / "store-url").read_text().strip())) as links:
        links.call(
            (b"SET", b"s1:{0}:t", b"x"), (b"SET", b"s1:{63}:a", b"x"), (b"XADD", b"s1:{62}:a", b"1-0", b"e", b"x")
        )

        said = run("purge", "--config", installed, check=False)

        assert said.stdout == "purged 0 objects, 1 audit events\n"
        assert said.stderr.splitlines()[-1] == (
            "Error: 2 partitions are damaged and were not purged; `sealring verify` names them"
        )
        assert said.returncode == 1
        assert run("verify", "--config", installed, check=False).returncode == 1
