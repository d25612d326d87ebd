"""A worker's connections stay below its file descriptors."""

import os
import signal
import socket
from contextlib import ExitStack

import pytest

from sealring.operator.embedded import EmbeddedValkey
from sealring.server.worker import connections_within
from support.live import is_ready, serving
from support.waiting import becomes_true, is_gone

CONFIG = """
import resource
from sealring.server.serving import *

resource.setrlimit(resource.RLIMIT_NOFILE, (48, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
"""


@pytest.mark.parametrize(
    ("descriptors", "threads", "connections"),
    [
        (1024, 16, 900),  # what is wanted
        (256, 16, 200),  # 24 of its own, and 2 for each thread
        (73, 16, 17),  # one more than threads
        (72, 16, 16),
        (48, 16, 8),  # where not all threads can be busy
        (20, 16, 1),
    ],
)
def test_so_many_descriptors_are_enough_for_so_many_connections(descriptors, threads, connections):
    assert connections_within(descriptors, threads, 900) == connections


def test_more_idle_connections_than_descriptors_end_no_worker(tmp_path):
    config = tmp_path / "gunicorn.conf.py"
    config.write_text(CONFIG)
    with (
        EmbeddedValkey(tmp_path) as store,
        serving(tmp_path, store.url, threads=4, gunicorn_config=config, worker="loop") as live,
    ):
        workers = live.workers
        host, port = live.url.removeprefix("http://").split(":")
        with ExitStack() as stack:
            for _ in range(150):
                idle = stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
            idle.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")  # it waits for its turn

        assert becomes_true(lambda: is_ready(live))
        assert live.workers == workers
        assert "48 file descriptors allow a worker 8 connections instead of 800; raise" in live.log.read_text()
        assert "exited with code" not in live.log.read_text()


@pytest.mark.parametrize("kind", ["loop", "threads"])
def test_workers_end_after_their_master_was_killed(tmp_path, kind):
    with EmbeddedValkey(tmp_path) as store, serving(tmp_path, store.url, worker=kind) as live:
        workers = live.workers
        os.kill(live.process.pid, signal.SIGKILL)

        assert len(workers) == 2
        assert becomes_true(lambda: all(map(is_gone, workers)))
