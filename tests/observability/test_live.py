"""The port of the metrics of a real server: right across its workers, their ends and reloads."""

import os
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from observability.metrics_server import REQUESTS, alive_count, asked, server, serving_processes, teller, use
from sealring.http.app import guarded_routes
from sealring.observability import metrics
from support.make import NO_SERVICES
from support.scraping import Metrics, counts
from support.waiting import becomes_true


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with server(tmp_path_factory.mktemp("metrics")) as live:
        yield live


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
