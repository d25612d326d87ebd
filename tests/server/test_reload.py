"""What a reload, a rotation of the log or a hook of the operator's raises: it changes nothing, and no worker ends."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from sealring.operator.embedded import EmbeddedValkey
from support.live import is_ready, serving
from support.ports import free_port
from support.waiting import becomes_true

CONFIG = """
from sealring.server.serving import *

graceful_timeout = 10
"""

SETTINGS, GUNICORNS = "sealring.toml", "gunicorn.conf.py"
REFUSED = "the settings were not reloaded, and the former ones stay in force: "

SETTINGS_THAT_CANNOT_BE_USED = {
    "arrays-in-arrays": lambda good: f"a = {'[' * 3000}{']' * 3000}\n{good}",
    "a-pin-file-with-a-nul": lambda good: good.replace('pin_file = "store-pin"', 'pin_file = "store-pin\\u0000"'),
    "a-run-folder-with-a-nul": lambda good: f'{good}\n[server]\nrun_folder = "\\u0000"\n',
    "a-root-key-file-with-a-nul": lambda good: good.replace('"root.key"', '"\\u0000"'),
}

CONFIGURATIONS_THAT_CANNOT_BE_USED = {
    "no-worker": "workers = 0",
    "an-app-in-the-master": "preload_app = True",
    "a-variable-with-a-nul": "raw_env = ['A=s3cret\\0']",
    "a-variable-without-a-name": "raw_env = ['=s3cret']",
    "a-log-without-its-folder": "errorlog = '/nonexistent/log'",
    "output-without-its-folder": "errorlog = '/nonexistent/log'; capture_output = True",
    "no-place-for-heartbeats": "worker_tmp_dir = '/nonexistent'",
    "no-such-folder": "chdir = '/nonexistent'",
    "no-such-user": "user = 'nonexistent'",
    "recursion": "def f(): f()\nf()",
    "an-interrupt": "raise KeyboardInterrupt('s3cret')",
    "an-exit": "raise SystemExit(0)",
    "another-base-exception": "raise GeneratorExit('s3cret')",
    "on-reload-raises": "def on_reload(server): raise LookupError('s3cret')",
    "on-reload-exits": "def on_reload(server): raise SystemExit(0)",
    "on-reload-is-interrupted": "def on_reload(server): raise KeyboardInterrupt",
    "nworkers-changed-raises": "def nworkers_changed(server, new, old): raise LookupError('s3cret')",
    "pre-fork-raises": "def pre_fork(server, worker): raise LookupError('s3cret')",
    "pre-fork-exits": "def pre_fork(server, worker): raise SystemExit(0)",
    "post-fork-is-interrupted": "def post_fork(server, worker): raise KeyboardInterrupt",
    "post-fork-exits": "def post_fork(server, worker): raise SystemExit(0)",
}


@contextmanager
def server(folder, more=""):
    """A server of as many workers as the configuration says, two."""
    config = folder / GUNICORNS
    config.write_text(CONFIG + more)
    with EmbeddedValkey(folder) as store, serving(folder, store.url, None, 4, gunicorn_config=config) as live:
        live.before = 0
        assert becomes_true(lambda: serves(live))
        yield live


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with server(tmp_path_factory.mktemp("reload")) as live:
        assert becomes_true(lambda: said(live, " serves") == 2)
        yield live


@pytest.fixture
def up(shared):
    """A server; its files are mended afterwards."""
    good = {name: (shared.folder / name).read_bytes() for name in (SETTINGS, GUNICORNS)}
    shared.before = shared.log.stat().st_size
    assert becomes_true(lambda: serves(shared))
    yield shared
    for name, content in good.items():
        (shared.folder / name).write_bytes(content)


def serves(live, count=2):
    return live.process.poll() is None and len(live.workers) == count and is_ready(live)


def said(live, text):
    """How often the server has said so in the course of the test."""
    return live.log.read_bytes()[live.before :].count(text.encode())


def configure(live, more):
    (live.folder / GUNICORNS).write_text(f"{CONFIG}\n{more}\n")


def assert_a_reload_changes_nothing(live, before):
    live.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: live.process.poll() is not None or said(live, REFUSED) == 1)
    assert (live.process.poll(), said(live, REFUSED), said(live, "s3cret")) == (None, 1, 0)
    assert becomes_true(lambda: sorted(live.workers) == before)
    assert live.ask("GET", "/livez").status == 200


@pytest.mark.parametrize("change", SETTINGS_THAT_CANNOT_BE_USED.values(), ids=SETTINGS_THAT_CANNOT_BE_USED)
def test_settings_that_cannot_be_used_change_nothing(up, change):
    path = up.folder / SETTINGS
    good = path.read_text()
    path.write_text(change(good))
    assert path.read_text() != good

    assert_a_reload_changes_nothing(up, sorted(up.workers))


@pytest.mark.parametrize("more", CONFIGURATIONS_THAT_CANNOT_BE_USED.values(), ids=CONFIGURATIONS_THAT_CANNOT_BE_USED)
def test_a_configuration_that_cannot_be_used_changes_nothing(up, more):
    configure(up, more)

    assert_a_reload_changes_nothing(up, sorted(up.workers))


@pytest.mark.parametrize("raised", ["SystemExit(0)", "KeyboardInterrupt"])
def test_a_worker_whose_hook_raises_ends_and_never_goes_on_as_a_master(up, raised):
    """What the master says of a worker that it cannot start, only the master says."""
    configure(up, f"def post_fork(server, worker): raise {raised}")

    assert_a_reload_changes_nothing(up, sorted(up.workers))

    assert said(up, "cannot start a worker") == 0


def test_a_good_configuration_is_taken_after_one_that_raised(up):
    before = sorted(up.workers)
    configure(up, "def on_reload(server): raise LookupError")
    assert_a_reload_changes_nothing(up, before)

    configure(up, "workers = 3")
    up.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: serves(up, 3) and set(up.workers).isdisjoint(before))
    configure(up, "")
    up.process.send_signal(signal.SIGHUP)
    assert becomes_true(lambda: said(up, "the settings were reloaded") == 2 and serves(up))


LATE = """
def nworkers_changed(server, new, old):
    if old is not None and new != old: raise KeyboardInterrupt("s3cret")

def child_exit(server, worker): raise SystemExit("s3cret")

def pre_exec(server): raise LookupError("s3cret")
"""


def test_hooks_that_raise_later_end_nothing(tmp_path):
    with server(tmp_path, LATE) as up:
        first, second = sorted(up.workers)

        os.kill(first, signal.SIGKILL)
        assert becomes_true(lambda: said(up, "configuration raised SystemExit") == 1)
        assert becomes_true(lambda: serves(up) and first not in up.workers)

        up.process.send_signal(signal.SIGTTIN)
        assert becomes_true(lambda: said(up, "configuration raised KeyboardInterrupt") == 1)
        assert becomes_true(lambda: serves(up, 3))

        up.process.send_signal(signal.SIGUSR2)
        assert becomes_true(lambda: said(up, "no new master could be started: LookupError") == 1)
        assert becomes_true(lambda: serves(up, 3))
        assert second in up.workers
        assert said(up, "s3cret") == 0


@pytest.mark.parametrize("capture", [False, True])
def test_a_log_whose_folder_is_away_ends_nothing(tmp_path, capture):
    logs, away = tmp_path / "logs", tmp_path / "away"
    logs.mkdir()
    with server(tmp_path, f"errorlog = {str(logs / 'log')!r}\ncapture_output = {capture}\n") as up:
        assert becomes_true(lambda: (logs / "log").read_text().count("Booting worker") == 2)
        if capture:
            up.log = away / "log"
        before = sorted(up.workers)
        logs.rename(away)

        up.process.send_signal(signal.SIGUSR1)
        assert becomes_true(lambda: said(up, "the log files were not reopened, and stay in use") == 1)
        assert_a_reload_changes_nothing(up, before)
        assert "Handling signal: hup" in (away / "log").read_text()

        logs.mkdir()
        up.process.send_signal(signal.SIGUSR1)
        assert becomes_true((logs / "log").exists)
        assert serves(up)
        assert sorted(up.workers) == before


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("workers = 0", "gunicorn's workers has to be at least 1"),
        ("preload_app = True", "gunicorn's preload_app has to be False: each worker builds its own app"),
    ],
)
def test_a_start_with_a_configuration_that_serves_nobody_says_so_in_one_line(tmp_path, more, wrong):
    (tmp_path / GUNICORNS).write_text(f"{CONFIG}\n{more}\n")

    ended = start(tmp_path)

    assert (ended.returncode, ended.stderr.strip()) == (1, f"Error: {wrong}")


def test_a_hook_that_lets_no_first_worker_start_ends_the_start(up):
    configure(up, "def pre_fork(server, worker): raise LookupError('s3cret')")

    ended = start(up.folder)

    assert ended.returncode == 3
    assert "Worker failed to boot: LookupError was raised" in ended.stderr
    assert "s3cret" not in ended.stderr + ended.stdout


@pytest.mark.parametrize("made", [None, "a file"])
def test_no_place_for_heartbeats_ends_the_start_and_is_named(up, tmp_path, made):
    place = tmp_path / "heartbeats"
    if made is not None:
        place.write_text(made)
    configure(up, f"worker_tmp_dir = {str(place)!r}")

    ended = start(up.folder)

    assert ended.returncode == 3
    assert ended.stderr.count(f"no file can be made in {place} (gunicorn's worker_tmp_dir): ") == 1


def start(folder):
    """Start another server with what is in the folder, and wait for its end."""
    command = [sys.executable, "-m", "sealring.server.master", "--config", f"file:{folder / GUNICORNS}"]
    return subprocess.run(
        [*command, "--bind", f"127.0.0.1:{free_port()}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"SEALRING_CONFIG": str(folder / SETTINGS)},
    )
