"""A server with sealed root keys: a KMS opens them at its start, and is not needed afterwards."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sealring import settings
from sealring.crypto.root_seal import RecoveryKey
from sealring.domain.root_seal import RootEpoch, RootSeal
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.recovery import shares_of
from sealring.server import serving as gunicorn
from sealring.server import wiring
from sealring_example.kms import Kms
from sealring_local.roots import Roots
from sealring_plugin import DATA, RootName
from server.sealed_kit import install
from support.live import running
from support.ports import free_port
from support.waiting import becomes_true, is_gone

CONFIG = "from sealring.server.serving import *\npidfile = {pidfile!r}\n"
AWAY = "UNAVAILABLE"


@pytest.fixture(scope="module")
def kms():
    made = Kms(keys=("1",))
    made.start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def _at_hand(kms):
    kms.states.clear()
    yield
    kms.states.clear()


@pytest.fixture(scope="module")
def installed(tmp_path_factory, kms):
    """An installation with sealed root keys, and a store that is made ready."""
    folder = tmp_path_factory.mktemp("sealed")
    with EmbeddedValkey(folder) as store:
        made = install(folder / "etc", kms, ("1",), store.url)
        made.path.write_text(made.path.read_text() + "\n[seal]\nretry_s = 3\n")
        wiring.initialise_store(made.config, 4)
        yield made


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


# --- the start


def started(installed, log):
    """Start a server of one worker, whose output goes to a file."""
    command = gunicorn._command(bind=f"127.0.0.1:{free_port()}", workers=1, threads=2, gunicorn_config=None)
    environment = gunicorn._environment(installed.path)
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)


def test_a_start_waits_for_a_kms_that_is_away(installed, kms, tmp_path):
    kms.states["1"] = AWAY
    log = tmp_path / "log"

    process = started(installed, log)
    try:
        assert becomes_true(lambda: "the root keys stay sealed for now, and are tried again: seal 1" in log.read_text())
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for each in (process.pid, int(child)):
            os.kill(each, signal.SIGHUP)  # a reload that comes too early, or a terminal that closes
        kms.states.clear()
        assert becomes_true(lambda: " serves" in log.read_text())
        assert log.read_text().count("the root keys were opened by seal 1 (example)") == 1
        assert "under root keys that were sealed" in log.read_text()
        assert "under the root key file" not in log.read_text()
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_a_start_without_a_kms_ends_after_the_time_of_the_settings_and_says_why(installed, kms, tmp_path):
    kms.states["1"] = AWAY
    log = tmp_path / "log"

    process = started(installed, log)

    assert process.wait(30) == 1
    assert (
        "cannot start: the root keys stay sealed: seal 1 (example): The key's provider does not answer. Try again later. "
        "(the KMS answered 400); restore the access to one of them, or start with `sealring serve --recovery-key`"
    ) in log.read_text()


def test_a_start_that_a_key_refuses_for_good_ends_at_once(installed, kms, tmp_path):
    kms.states["1"] = "KEY_DESTROYED"
    log = tmp_path / "log"

    process = started(installed, log)

    assert process.wait(30) == 1
    assert "tried again" not in log.read_text()


def test_a_start_that_waits_can_be_stopped(installed, kms, tmp_path):
    kms.states["1"] = AWAY
    log = tmp_path / "log"
    process = started(installed, log)
    assert becomes_true(lambda: "are tried again" in log.read_text())
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

    process.terminate()

    assert process.wait(20) == 1
    assert becomes_true(lambda: is_gone(int(child)))


def test_the_child_ends_with_a_master_that_is_killed(installed, kms, tmp_path):
    kms.states["1"] = AWAY
    log = tmp_path / "log"
    process = started(installed, log)
    assert becomes_true(lambda: "are tried again" in log.read_text())
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

    process.kill()
    process.wait(20)

    assert becomes_true(lambda: is_gone(int(child)))


# --- the recovery key, and commands


SEALRING_HERE = [sys.executable, "-c", "from sealring.cli.main import main; main()"]


@pytest.fixture
def run(run_sealring):
    def run(*arguments, told=""):
        return run_sealring(*arguments, stdin=told.encode(), check=False)

    return run


@pytest.fixture
def shares(installed, run):
    installed.file("recovery").unlink(missing_ok=True)
    done = run("root", "recovery-key", "--config", installed.path)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n\n")[1:6]


def words(share):
    return share.splitlines()[1]


def test_a_server_starts_with_three_shares_on_paper(installed, kms, shares, tmp_path):
    kms.states["1"] = "KEY_DESTROYED"
    log = tmp_path / "log"
    command = [*SEALRING_HERE, "serve", "--recovery-key", "--config", str(installed.path)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{free_port()}"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    process.stdin.write("\n".join(map(words, shares[1:4])).encode())
    process.stdin.close()

    try:
        assert becomes_true(lambda: "making the recovery key" in log.read_text())
        process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: log.read_text().count(" serves") == 2)
        assert words(shares[1]) not in log.read_text()
        assert log.read_text().count("the root keys were opened by the recovery key") == 1
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_a_server_starts_with_three_shares_beside_an_altered_seal_and_is_reloaded(installed, shares, tmp_path, run):
    before, log = installed.file("1").read_text(), tmp_path / "log"
    assert run("root", "reseal", "--config", installed.path).returncode == 0
    seal = RootSeal.parse(installed.file("1").read_text())
    installed.file("1").write_text(replace(seal, head=replace(seal.head, root_id=bytes(16))).encode())
    command = [*SEALRING_HERE, "serve", "--recovery-key", "--config", str(installed.path)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{free_port()}"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    process.stdin.write("\n".join(map(words, shares[:3])).encode())
    process.stdin.close()

    try:
        assert becomes_true(lambda: log.read_text().count(" serves") == 2, within_s=60)
        process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: log.read_text().count(" serves") == 4, within_s=60)
        assert log.read_text().count("the root keys that the server has stay in use, but no seal opens: seal 1") == 2
    finally:
        process.terminate()
        assert process.wait(20) == 0
        installed.file("1").write_text(before)


def test_root_keys_move_to_another_kms_by_the_recovery_key(installed, kms, shares, tmp_path, run):
    another = Kms(keys=("1",))
    another.start()
    before, root = installed.path.read_text(), installed.seals.open()
    seal = installed.file("1").read_text()
    kms.states["1"] = "KEY_DESTROYED"
    try:
        installed.path.write_text(before.replace(kms.endpoint, another.endpoint))
        done = run(
            "root",
            "reseal",
            "--recovery-key",
            "--config",
            installed.path,
            told="\n".join(map(words, shares[:3])),
        )

        assert (done.returncode, done.stdout) == (0, f"seal {installed.file('1')} by example\n")
        assert installed.seals.open() == root
    finally:
        installed.path.write_text(before)
        installed.file("1").write_text(seal)
        another.stop()


def test_two_shares_open_nothing(installed, shares, run):
    done = run("serve", "--recovery-key", "--config", installed.path, told="\n".join(map(words, shares[:2])))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[1:] == [
        "Error: the recovery key needs 3 different shares, each in a line of its own"
    ]


def test_a_recovery_key_is_replaced_only_by_the_operators_word(installed, shares, run):
    done = run("root", "recovery-key", "--config", installed.path)

    assert done.returncode == 1
    assert done.stderr == (
        "Error: there is a recovery key already: replace it with --replace, and destroy its shares\n"
    )
    assert run("root", "recovery-key", "--replace", "--config", installed.path).returncode == 0


@pytest.mark.parametrize("seen", ["share 1\n", "share 5\n"], ids=["at once", "after all was written"])
def test_a_recovery_key_whose_reader_ended_replaces_none(installed, shares, seen):
    seal = installed.file("recovery").read_bytes()
    command = [*SEALRING_HERE, "root", "recovery-key", "--replace", "--config", str(installed.path)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.stdout.readline() not in {seen, ""}:
            pass
        process.stdout.close()
        said = process.stderr.read()

    assert process.returncode == 1
    assert said in {"", "Error: nobody reads standard output any more, so no recovery key was made\n"}
    assert installed.file("recovery").read_bytes() == seal


def test_shares_are_in_no_file(installed, shares):
    for file in installed.folder.iterdir():
        assert [share for share in shares if words(share).encode() in file.read_bytes()] == []


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


@pytest.mark.parametrize("command", ["check-config", "verify", "purge"])
def test_commands_say_in_one_line_why_the_root_keys_stay_sealed(installed, kms, command, run):
    kms.states["1"] = AWAY

    done = run(command, "--config", installed.path)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: the root keys stay sealed: seal 1 (example): ")
    assert done.stderr.count("\n") == 1


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
