"""The port of the metrics begins and ends with the server, or keeps it from its start."""

import os
import signal
import socket
import subprocess

import pytest

from observability.metrics_server import REQUESTS, alive_count, asked, server, serving_processes, teller, use
from sealring import settings
from support.commands import SEALRING
from support.live import live_server
from support.scraping import Metrics, counts
from support.waiting import becomes_true, is_gone


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
