"""The port of the metrics of a real server: right across workers, their ends, reloads and new masters."""

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sealring import settings
from sealring.http.app import guarded_routes
from sealring.observability import metrics
from sealring.operator.embedded import EmbeddedValkey
from support.commands import SEALRING
from support.live import live_server, serving
from support.make import NO_SERVICES
from support.scraping import Metrics, counts
from support.waiting import becomes_true, is_gone

REQUESTS = "sealring_http_request_duration_seconds_count"
CONFIG = """
from sealring.server.serving import *

pidfile = {pidfile!r}
graceful_timeout = 10
"""


@contextmanager
def server(folder: Path, more: str = ""):
    """A server with metrics, whose master's process id is in the file `pid`."""
    config = folder / "gunicorn.conf.py"
    config.write_text(CONFIG.format(pidfile=str(folder / "pid")) + more)
    told = Metrics()
    with (
        EmbeddedValkey(folder) as store,
        serving(folder, store.url, gunicorn_config=config, more=told.settings, worker="loop") as live,
    ):
        assert becomes_true(told.answers)
        assert becomes_true(lambda: told.value("sealring_workers") == 2)
        live.metrics = told
        yield live


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with server(tmp_path_factory.mktemp("metrics")) as live:
        yield live


def teller(live) -> int:
    """The process id of the process that tells the metrics."""
    for process in live.workers:
        if b"metrics_process" in Path(f"/proc/{process}/cmdline").read_bytes():
            return process
    return 0


def serving_processes(live) -> set[int]:
    return set(live.workers) - {teller(live)}


def asked(live, times=40):
    for _ in range(times):
        assert live.ask("GET", "/livez").status == 200


def alive_count(live) -> float:
    return live.metrics.value(REQUESTS, route="/livez")


def use(live):
    """A create, a read, and refusals of several kinds."""
    token = live.token("org_acme")
    body = {"key_context": {"organization_id": "org_acme"}, "name": f"name-{os.urandom(8).hex()}", "value": "v"}
    made = live.ask("POST", "/vault/v1/kv", token=token, body=body)
    assert made.status in {200, 201}
    assert live.ask("GET", f"/vault/v1/kv/{made.json['id']}", token=token).status == 200
    assert live.ask("GET", "/vault/v1/kv/name/none-such", token=token).status == 404
    assert live.ask("POST", "/vault/v1/kv", token=token, body={"nonsense": 1}).status == 422
    assert live.ask("GET", "/vault/v1/kv", token="nonsense").status == 401
    assert live.ask("GET", "/nowhere", token=token).status == 404


def test_every_request_is_counted_once_whichever_worker_answers(shared):
    before = alive_count(shared)

    asked(shared, 100)

    assert alive_count(shared) == before + 100


def test_a_request_is_told_by_method_route_and_class_of_its_status(shared):
    def found():
        told = shared.metrics
        return [
            told.value(REQUESTS, method="POST", route="/vault/v1/kv", status="2xx"),
            told.value(REQUESTS, method="GET", route="/vault/v1/kv/{object_id}", status="2xx"),
            told.value(REQUESTS, method="GET", route="none", status="4xx"),
            told.value("sealring_auth_total", outcome="accepted"),
            told.value("sealring_auth_total", outcome="refused", reason="form"),
            told.value("sealring_store_txn_total", outcome="committed"),
            told.value("sealring_audit_append_duration_seconds_count"),
        ]

    use(shared)  # the first one makes the key of the organization
    before = found()
    use(shared)

    assert [after - each for after, each in zip(found(), before, strict=True)] == [1, 1, 1, 4, 1, 1, 1]


def test_the_names_and_values_of_all_labels_are_a_closed_set(shared):
    use(shared)
    guarded_routes(NO_SERVICES)
    routes = {
        route.rule.replace("<whole:", "<").replace("<", "{").replace(">", "}") for route in guarded_routes(NO_SERVICES)
    }
    families = {family.name: family for family in metrics.FAMILIES}
    known = {
        "route": routes | {"none", "other", "/livez", "/readyz", "/startupz", "/openapi.json", "/docs", "/docs/rapidoc-min.js"},
        "provider": {"local", "example"},
        "version": set(metrics.VERSIONS) or None,
    }  # fmt: skip
    strange = []
    for name, labels in shared.metrics.samples():
        family = next(
            each
            for each in (name, *(name.removesuffix(end) for end in ("_bucket", "_count", "_sum")))
            if each in families
        )
        for label, value in labels:
            if label == "le" or (label == "version" and value == "0.1.0"):
                continue
            allowed = known.get(label) or {*families[family].labels[label], "other"}
            if value not in allowed:
                strange.append((name, label, value))

    assert strange == []


def test_levels_are_those_of_the_workers_that_are_there(shared):
    told = shared.metrics

    assert told.value("sealring_build_info", version="0.1.0") == 1
    assert becomes_true(lambda: told.value("sealring_ready") == 3)
    assert told.value("sealring_store_durability", durability="single") == 1
    with ExitStack() as stack:
        address = "127.0.0.1", int(shared.url.rpartition(":")[2])
        for _ in range(20):
            stack.enter_context(socket.create_connection(address, timeout=20))
        assert becomes_true(lambda: told.value("sealring_http_connections") >= 20)
    assert becomes_true(lambda: told.value("sealring_http_connections") < 20)


def test_counts_never_go_back_through_crashes_and_reloads(shared):
    told, before = shared.metrics, dict(counts(shared.metrics.samples()))
    asked(shared)
    crashed = told.value("sealring_worker_ends_total", cause="crashed")
    ended = told.value("sealring_worker_ends_total", cause="told")

    for end in (kill_all, reload):
        end(shared)
        now = dict(counts(told.samples()))
        assert {key: (value, now.get(key)) for key, value in before.items() if now.get(key, -1) < value} == {}
        before = now
        asked(shared)

    assert told.value("sealring_worker_ends_total", cause="crashed") == crashed + 2
    assert told.value("sealring_worker_ends_total", cause="told") == ended + 2
    assert becomes_true(lambda: told.value("sealring_workers") == 2)


def kill_all(live):
    former = serving_processes(live)
    for process in former:
        os.kill(process, signal.SIGKILL)
    assert becomes_true(lambda: former.isdisjoint(live.workers) and live.metrics.value("sealring_workers") == 2)


def reload(live):
    former = serving_processes(live)
    live.process.send_signal(signal.SIGHUP)
    assert becomes_true(lambda: former.isdisjoint(live.workers) and live.metrics.value("sealring_workers") == 2)


def test_the_process_that_tells_comes_back_and_knows_no_secret(shared):
    former, before = teller(shared), alive_count(shared)
    environment = Path(f"/proc/{former}/environ").read_bytes()

    os.kill(former, signal.SIGKILL)

    assert b"SEALRING" not in environment
    assert becomes_true(lambda: shared.metrics.answers() and teller(shared) not in {0, former})
    assert alive_count(shared) >= before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 200),
        ("GET", "/metrics?x=1", 200),
        ("POST", "/metrics", 405),
        ("GET", "/", 404),
        ("GET", "/livez", 404),
    ],
)
def test_only_the_metrics_are_told_there(shared, method, path, status):
    assert shared.metrics.ask(method, path).status == status


def test_clients_that_drip_do_not_hold_a_scraper_up_for_long(shared):
    with ExitStack() as stack:
        for _ in range(32):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", shared.metrics.port), timeout=20))
            slow.sendall(b"GET /met")
        began = time.monotonic()

        assert becomes_true(shared.metrics.answers)
        assert time.monotonic() - began < 12


def test_a_reload_moves_the_port_and_a_bad_one_changes_nothing(shared):
    asked(shared, 1)
    path, old = shared.folder / "sealring.toml", shared.metrics
    text, new = path.read_text(), Metrics()
    try:
        path.write_text(text.replace(f"127.0.0.1:{old.port}", f"192.0.2.1:{new.port}"))
        shared.process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: f"cannot listen on 192.0.2.1 port {new.port}" in shared.log.read_text())
        assert old.answers()

        path.write_text(text.replace(str(old.port), str(new.port)))
        shared.process.send_signal(signal.SIGHUP)
        assert becomes_true(new.answers)
        assert becomes_true(lambda: not old.answers())
        assert new.value(REQUESTS, route="/livez") > 0
    finally:
        path.write_text(text)
        shared.process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: old.answers() and not new.answers())


def test_a_server_whose_port_of_metrics_is_taken_does_not_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = Metrics(port=taken.getsockname()[1])
        with (
            pytest.raises(
                AssertionError,
                match=rf"cannot start: \[server\] metrics_bind: cannot listen on 127.0.0.1 port {told.port}",
            ),
            live_server(tmp_path, more=told.settings),
        ):
            pass


def test_check_config_names_an_address_that_the_machine_does_not_have(tmp_path):
    told = Metrics()
    with live_server(tmp_path, workers=1, more=told.settings) as live:
        path = live.folder / "sealring.toml"

        def check():
            command = [SEALRING, "check-config", "--config", str(path)]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

        good = check()
        path.write_text(path.read_text().replace("127.0.0.1:", "192.0.2.1:").replace("//192.0.2.1:", "//127.0.0.1:"))
        bad = check()

    assert (good.returncode, f"metrics   ok: 127.0.0.1 port {told.port}" in good.stdout) == (0, True)
    assert bad.returncode == 1
    assert f"[server] metrics_bind: cannot listen on 192.0.2.1 port {told.port}" in bad.stderr


def test_a_new_master_goes_on_with_the_counts_and_the_port(tmp_path):
    with server(tmp_path) as live:
        asked(live)
        os.kill(live.process.pid, signal.SIGUSR2)
        assert becomes_true((tmp_path / "pid.2").exists)
        new = int((tmp_path / "pid.2").read_text())
        try:
            assert becomes_true(lambda: live.metrics.value("sealring_workers") == 4)
            before = dict(counts(live.metrics.samples()))
            assert before[REQUESTS, frozenset({("method", "GET"), ("route", "/livez"), ("status", "2xx")})] >= 40

            live.process.send_signal(signal.SIGQUIT)
            live.process.wait(timeout=30)

            assert becomes_true(lambda: live.metrics.answers() and live.metrics.value("sealring_workers") == 2)
            now = dict(counts(live.metrics.samples()))
            assert {key: (value, now.get(key)) for key, value in before.items() if now.get(key, -1) < value} == {}
        finally:
            os.kill(new, signal.SIGTERM)
            assert becomes_true(lambda: is_gone(new))
        assert becomes_true(lambda: not live.metrics.answers())


def test_without_the_setting_there_is_no_port_and_no_process(tmp_path):
    with live_server(tmp_path, workers=1, worker="loop") as live:
        assert settings.load(live.folder / "sealring.toml").observability.metrics_bind is None
        assert len(live.workers) == 1


def test_a_worker_with_threads_counts_as_well(tmp_path):
    told = Metrics('worker = "threads"')
    with live_server(tmp_path, workers=2, more=told.settings) as live:
        assert becomes_true(told.answers)
        live.metrics = told

        use(live)
        asked(live)

        assert alive_count(live) >= 40
        assert told.value(REQUESTS, method="GET", route="/vault/v1/kv/{object_id}", status="2xx") == 1
        assert becomes_true(lambda: told.value("sealring_workers") == 2)


def test_when_the_master_is_killed_its_port_ends(tmp_path):
    told = Metrics()
    with live_server(tmp_path, workers=1, more=told.settings) as live:
        assert becomes_true(told.answers)
        workers, process = serving_processes(live), teller(live)
        try:
            live.process.kill()
            live.process.wait(timeout=30)

            assert becomes_true(lambda: is_gone(process))
            assert not told.answers()
        finally:
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
