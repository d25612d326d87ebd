"""A server with sealed root keys needs no KMS while it runs, and its disk opens nothing without one."""

import os
import shutil
import signal
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sealring import settings
from sealring.crypto.root_seal import RecoveryKey
from sealring.domain.root_seal import RootEpoch
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.recovery import shares_of
from sealring.server import wiring
from sealring_local.roots import Roots
from sealring_plugin import DATA, RootName
from server.sealed_kit import AWAY, started
from support.live import running
from support.waiting import becomes_true, is_gone

CONFIG = "from sealring.server.serving import *\npidfile = {pidfile!r}\n"


@pytest.fixture(autouse=True)
def _at_hand(kms):
    kms.states.clear()
    yield
    kms.states.clear()


@contextmanager
def served(installed, log):
    config = installed.folder.with_name("gunicorn.conf.py")
    config.write_text(CONFIG.format(pidfile=str(installed.folder / "pid")))
    with running(installed.path, log, installed.kms, workers=2, gunicorn_config=config) as live:
        yield live


@pytest.fixture(scope="module")
def live(installed, tmp_path_factory):
    with served(installed, tmp_path_factory.mktemp("log") / "log") as live:
        yield live


def create(live, value="a value"):
    body = {"name": os.urandom(8).hex(), "value": value, "key_context": {"organization_id": "org_acme"}}
    made = live.ask("POST", "/vault/v1/kv", token=live.token("org_acme"), body=body)
    assert made.status == 201, made
    return made.json["id"]


def read(live, name):
    return live.ask("GET", f"/vault/v1/kv/{name}", token=live.token("org_acme")).json.get("value")


def serves(live, but=()):
    workers = live.workers
    return len(workers) == 2 and set(workers).isdisjoint(but) and live.log.read_text().count("serves") >= 2


def logged(live, text):
    return live.log.read_text().count(text)


def secrets_of(installed):
    roots = Roots.parse(installed.seals.open().content.decode())
    return [each for key in roots.keys.values() for each in (key, key.hex().encode())]


# --- while it runs


def test_workers_that_start_later_need_no_kms(live, kms):
    name, before = create(live), live.workers
    kms.states["1"] = AWAY

    for each in before:
        os.kill(each, signal.SIGKILL)

    assert becomes_true(lambda: serves(live, before))
    assert {read(live, name) for _ in range(20)} == {"a value"}
    assert {read(live, create(live)) for _ in range(5)} == {"a value"}  # under a root key, in each worker


def test_a_reload_needs_no_kms(live, kms):
    name, before, reloads = create(live), live.workers, logged(live, "the settings were reloaded")
    kms.states["1"] = AWAY

    live.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: logged(live, "the settings were reloaded") == reloads + 1)
    assert becomes_true(lambda: serves(live, before))
    assert {read(live, name) for _ in range(20)} == {"a value"}


def test_a_new_master_needs_no_kms(live, kms):
    name, started = create(live), logged(live, "durability: ")
    kms.states["1"] = AWAY
    file = live.folder / "pid.2"

    os.kill(live.process.pid, signal.SIGUSR2)

    assert becomes_true(file.exists)
    new = int(file.read_text())
    try:
        assert becomes_true(lambda: logged(live, "durability: ") == started + 2)
        assert {read(live, name) for _ in range(20)} == {"a value"}
    finally:
        with suppress(ProcessLookupError):
            os.kill(new, signal.SIGTERM)
        assert becomes_true(lambda: is_gone(new))


def test_root_keys_that_were_sealed_anew_are_taken_by_a_reload_and_only_if_a_kms_opens_them(live, installed, kms):
    root, before = installed.seals.open(), live.workers
    roots = Roots.parse(root.content.decode())
    more = Roots({**roots.keys, RootName(DATA, 2): bytes(range(32))})
    content = more.encode().encode()
    epochs = tuple(sorted([*root.epochs, RootEpoch(DATA, 2)]))
    list(installed.seals.make(type(root)(root.provider, content, epochs)))
    kms.states["1"] = AWAY

    live.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: logged(live, "the former ones stay in force: the root keys stay sealed: seal 1") == 1)
    assert live.workers == before
    assert becomes_true(lambda: "the last reload was refused" in live.ask("GET", "/readyz").json.get("settings", ""))

    kms.states.clear()
    live.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: serves(live, before))
    with wiring.opened_stores(installed.config) as (gateway, _):
        assert gateway is not None
    assert {read(live, create(live)) for _ in range(5)} == {"a value"}


def test_no_process_shows_the_root_keys(live, installed):
    secrets = secrets_of(installed)
    shown = live.log.read_bytes()
    for pid in (live.process.pid, *live.workers):
        for name in ("environ", "cmdline"):
            shown += Path(f"/proc/{pid}/{name}").read_bytes()

    assert [each for each in secrets if each in shown] == []
    assert b"SEALRING_ROOT_FD" not in shown


# --- the recovery key, and commands


def test_commands_open_the_root_keys_for_themselves(installed, live, kms, tmp_path, run):
    create(live)
    config = ("--config", installed.path)

    checked = run("check-config", *config)
    backup = run("backup", *config, "--output", tmp_path / "data", "--keys", tmp_path / "keys")
    verified = run("verify", "--unwrap", *config)

    assert checked.returncode == 0, checked.stderr
    assert "root      ok: seal 1: by example, root " in checked.stdout
    assert backup.returncode == 0, backup.stderr
    assert verified.stdout.rstrip().endswith("; 0 findings")


def test_a_backup_holds_no_seal_and_is_restored_with_sealed_root_keys(installed, live, tmp_path, run):
    name = create(live, "before the loss")
    files = tmp_path / "data", tmp_path / "keys"
    config = ("--config", installed.path)
    assert run("backup", *config, "--output", files[0], "--keys", files[1]).returncode == 0
    with EmbeddedValkey(tmp_path / "new") as store:
        folder = tmp_path / "etc"
        shutil.copytree(installed.folder, folder)
        (folder / "store-url").write_text(store.url)

        done = run("restore", "--config", folder / installed.path.name, files[0], "--keys", files[1])

        assert done.returncode == 0, done.stderr
        with wiring.opened_stores(settings.load(folder / installed.path.name)) as (_, stores):
            assert stores.objects is not None
    seal = installed.file("1").read_bytes()
    assert [file for file in files if seal[30:90] in file.read_bytes()] == []
    assert name


# --- a copy of the disk


def test_a_copy_of_the_whole_disk_without_the_kms_opens_nothing(installed, live, kms, tmp_path, run):
    """All files of the server and of its store: what a stolen disk or its image has."""
    create(live, "a value that the thief wants")
    secrets = [*secrets_of(installed), b"a value that the thief wants"]
    shutil.copytree(installed.folder.parent, tmp_path / "image", ignore=shutil.ignore_patterns("*.sock"))
    folder = tmp_path / "image" / "etc"
    kms.states["1"] = "ACCESS_DENIED"  # the thief has the credentials of the disk, until they are withdrawn

    files = [file for file in (tmp_path / "image").rglob("*") if file.is_file()]
    assert len(files) >= 8
    assert [file.name for file in files for each in secrets if each in file.read_bytes()] == []
    with EmbeddedValkey(tmp_path / "image") as store:
        (folder / "store-url").write_text(store.url)
        path = folder / installed.path.name
        commands = [
            ("check-config",),
            ("verify", "--unwrap"),
            ("backup", "--output", tmp_path / "data", "--keys", tmp_path / "keys"),
            ("root", "reseal"),
            ("root", "recovery-key", "--replace"),
            ("init", "--data-dir", folder, "--store", store.url),
        ]
        for command in commands:
            done = run(*command, *(() if command[0] == "init" else ("--config", path)))
            assert done.returncode == 1, command
            assert "the root keys stay sealed" in done.stderr, command
            assert [each for each in secrets if each in (done.stdout + done.stderr).encode()] == []
        process = started(type(installed)(folder, kms), tmp_path / "log")
        assert process.wait(30) == 1
        guessed = "\n".join(shares_of(RecoveryKey.fresh())[:3])
        assert run("serve", "--recovery-key", "--config", path, told=guessed).returncode == 1
        # Without the seals in the settings, there is no file of root keys either.
        text = path.read_text().partition("# The seals of the root keys")[0]
        path.write_text(text)
        assert "root key file" in run("verify", "--unwrap", "--config", path).stderr
