"""Valkeys with settings of one's own, on a TCP port."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from sealring.operator.embedded import find_binary
from support.ports import free_port
from support.waiting import becomes_true

SINGLE = ("--appendonly", "yes", "--appendfsync", "always")


@contextmanager
def running_valkey(folder: Path, *options: str, settings: Path | None = None, password: str = "") -> Iterator[str]:
    """Run a Valkey in `folder` until the block ends, and yield its URL. `settings` is a file, with this password."""
    port = free_port()
    folder.mkdir(exist_ok=True)
    ours = ["--dir", str(folder), "--save", "", *options] if settings is None else []
    file = [] if settings is None else [str(settings)]
    command = [find_binary(), *file, "--port", str(port), "--bind", "127.0.0.1", *ours]
    with (folder / "valkey.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    url = f"redis://:{password}@127.0.0.1:{port}" if password else f"redis://127.0.0.1:{port}"
    try:
        assert becomes_true(lambda: answers(url)), (folder / "valkey.log").read_text()
        yield url
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return client.ping()
    except redis.RedisError:
        return False
