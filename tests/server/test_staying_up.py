"""Workers that stay up: whatever becomes of the settings, the store or one worker, those that serve go on."""

import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis

from sealring.operator.embedded import EmbeddedValkey
from support.live import is_ready, serving
from support.ports import free_port
from support.steady import steady
from support.waiting import becomes_true, is_gone

CONFIG = """
from sealring.server.serving import *

pidfile = {pidfile!r}
graceful_timeout = 10
"""

SETTINGS, GUNICORNS = "sealring.toml", "gunicorn.conf.py"
FILES = (SETTINGS, GUNICORNS, "store-url", "store-pin", "token-jwks.json")


@contextmanager
def server(folder: Path, more: str = ""):
    """A server of two workers, with a file of its master's process id, in `pid`."""
    config = folder / GUNICORNS
    config.write_text(CONFIG.format(pidfile=str(folder / "pid")) + more)
    with (
        EmbeddedValkey(folder) as store,
        serving(folder, store.url, threads=4, gunicorn_config=config) as live,
    ):
        live.before = 0
        assert becomes_true(lambda: logged(live, "keys: local") == 2)  # both workers have seen the store
        yield live


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with server(tmp_path_factory.mktemp("up")) as live:
        yield live


@pytest.fixture
def up(shared):
    """A server of two workers; its files are mended afterwards."""
    good = {name: (shared.folder / name).read_bytes() for name in FILES}
    shared.before = shared.log.stat().st_size
    assert becomes_true(lambda: serves(shared))
    yield shared
    for name, content in good.items():
        (shared.folder / name).write_bytes(content)


def pid_in(file: Path) -> int | None:
    return int(file.read_text()) if file.exists() else None


def serves(live, count=2) -> bool:
    return live.process.poll() is None and len(live.workers) == count and is_ready(live)


def kill(worker: int) -> int:
    """End a worker as a crash does."""
    os.kill(worker, signal.SIGKILL)
    return worker


def settings_are(live, text: str) -> None:
    """Write the settings as an editor does."""
    written = live.folder / f"{SETTINGS}.new"
    written.write_text(text)
    written.replace(live.folder / SETTINGS)


def logged(live, text: str) -> int:
    """How often the server has said so in the course of the test."""
    return live.log.read_bytes()[live.before :].count(text.encode())


def test_a_typo_in_the_settings_stops_nothing_when_they_are_reloaded(up):
    good, before = (up.folder / SETTINGS).read_text(), sorted(up.workers)
    settings_are(up, good + "\n[[[")

    up.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: logged(up, "is not valid TOML") == 1)
    assert (serves(up), sorted(up.workers)) == (True, before)
    assert becomes_true(lambda: "the last reload was refused" in up.ask("GET", "/readyz").json.get("settings", ""))

    settings_are(up, good)
    up.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: serves(up) and set(up.workers).isdisjoint(before))
    assert up.ask("GET", "/readyz").json == {"status": "ready"}


def test_a_worker_that_is_started_later_reads_neither_settings_nor_pin_nor_key_files_of_issuers(up):
    token = up.token("org_acme")
    settings_are(up, "nonsense")
    (up.folder / "token-jwks.json").write_text("{}")
    (up.folder / "store-pin").unlink()

    killed = [kill(each) for each in up.workers]

    assert becomes_true(lambda: serves(up) and set(killed).isdisjoint(up.workers))
    assert becomes_true(lambda: logged(up, "durability: single") == 2)
    assert {up.ask("GET", "/vault/v1/kv", token=token).status for _ in range(20)} == {200}


def test_settings_with_which_no_worker_starts_are_not_taken(up):
    before = sorted(up.workers)
    (up.folder / "store-url").write_text(f"redis://127.0.0.1:{free_port()}")

    up.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: logged(up, "no worker could start with the new settings") == 1)
    assert becomes_true(lambda: sorted(up.workers) == before)
    kill(before[0])
    assert becomes_true(lambda: serves(up) and before[0] not in up.workers)
    assert becomes_true(lambda: logged(up, "durability: single") == 1)


SECOND_FAILS = """
import sys, time
from sealring.server import serving

def post_fork(server, worker):
    serving.post_fork(server, worker)
    if worker.age == 2:
        (first,) = server.WORKERS.values()
        while not first.ready:
            time.sleep(0.01)
        sys.exit(3)
"""


def test_one_worker_that_serves_is_enough_for_the_server_to_stay(tmp_path):
    """Though another of the same start cannot."""
    with server(tmp_path, SECOND_FAILS) as up:
        assert becomes_true(lambda: logged(up, "exited with code 3") == 1)

        assert becomes_true(lambda: serves(up))


@pytest.mark.parametrize("wrong", ["1 +", "raise LookupError", "worker_class = 'gthread'", "threads = 'many'"])
def test_a_typo_in_gunicorns_configuration_stops_nothing(up, wrong):
    before = sorted(up.workers)
    with (up.folder / GUNICORNS).open("a") as config:
        config.write(f"\n{wrong}\n")

    up.process.send_signal(signal.SIGHUP)

    assert becomes_true(lambda: logged(up, "gunicorn's configuration cannot be used") == 1)
    assert (serves(up), sorted(up.workers)) == (True, before)
    kill(before[0])
    assert becomes_true(lambda: logged(up, "keys: local") == 1)
    assert serves(up)


def test_a_master_that_cannot_fork_lets_its_workers_serve(tmp_path):
    """Here, since there is no place for a heartbeat."""
    (tmp_path / "heartbeats").mkdir()
    with server(tmp_path, f"worker_tmp_dir = {str(tmp_path / 'heartbeats')!r}\n") as up:
        (tmp_path / "heartbeats").rmdir()
        kill(up.workers[0])
        assert becomes_true(lambda: logged(up, "cannot start a worker: ") >= 2)
        assert is_ready(up)

        (tmp_path / "heartbeats").mkdir()

        assert becomes_true(lambda: serves(up))


def test_a_worker_that_is_due_goes_on_where_no_other_can_start(tmp_path):
    with (
        server(tmp_path, "max_requests = 10\nmax_requests_jitter = 0\n") as up,
        redis.Redis.from_url(up.store_url) as store,
    ):
        before = sorted(up.workers)
        store.config_set("appendfsync", "everysec")

        assert {up.ask("GET", "/livez").status for _ in range(60)} == {200}

        assert becomes_true(lambda: logged(up, "a worker that is due to be replaced continues") == 1)
        assert becomes_true(lambda: sorted(up.workers) == before)
        assert {up.ask("GET", "/livez").status for _ in range(20)} == {200}


def test_a_store_that_became_weaker_stops_no_worker_that_serves(up):
    with redis.Redis.from_url(up.store_url) as store:
        store.config_set("appendfsync", "everysec")
        killed = kill(up.workers[0])
        assert becomes_true(lambda: logged(up, "cannot start: the store can lose acknowledged writes") >= 2)
        assert is_ready(up)

        store.config_set("appendfsync", "always")

    assert becomes_true(lambda: logged(up, "durability: single") == 1)
    assert becomes_true(lambda: serves(up) and killed not in up.workers)


@contextmanager
def upgraded(live):
    """Have a new master started, on the same socket, and yield its process id; it is ended with the block."""
    started = logged(live, "durability: single")
    os.kill(live.process.pid, signal.SIGUSR2)
    assert becomes_true(lambda: pid_in(live.folder / "pid.2") is not None)
    new = pid_in(live.folder / "pid.2")
    try:
        assert becomes_true(lambda: logged(live, "durability: single") >= started + 2)
        yield new
    finally:
        with suppress(ProcessLookupError):
            os.kill(new, signal.SIGTERM)
        assert becomes_true(lambda: is_gone(new))


FORMS = [pytest.param(400, id="short"), pytest.param(5_000, id="long", marks=pytest.mark.torture)]


@pytest.mark.parametrize("requests", FORMS)
def test_no_request_fails_whatever_an_operator_does(tmp_path, requests):
    """Reloads, a typo among them, workers that are due, and a new master in the place of the old."""
    each = requests // 4
    with server(tmp_path, "max_requests = 30\nmax_requests_jitter = 10\n") as up, steady(up) as load:

        def go_on():
            goal = load.answered + each
            assert becomes_true(lambda: load.answered >= goal, within_s=120)

        go_on()
        assert becomes_true(lambda: logged(up, "Booting worker") > 3)  # some were due

        up.process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: logged(up, "the settings were reloaded") == 1)
        go_on()

        good = (up.folder / SETTINGS).read_text()
        settings_are(up, "a typo")
        up.process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: logged(up, "is not valid TOML") == 1)
        go_on()

        settings_are(up, good)
        with upgraded(up) as new:
            up.process.send_signal(signal.SIGTERM)
            assert up.process.wait(30) == 0
            assert becomes_true(lambda: pid_in(up.folder / "pid") == new)
            go_on()
            load.end()

    assert load.failed == []
    assert load.answered >= requests
    assert not (up.folder / "pid").exists()
