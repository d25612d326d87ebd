"""Sixteen processes that do one thing at once, over HTTP. Here, since a spawned process imports what it runs."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from support.asking import ask

PROCESSES = 16
PATIENCE_S = 60

_spawn = multiprocessing.get_context("spawn")


class Sixteen:
    """The processes: started once, since that takes longer than what they do."""

    def __init__(self, barrier: Any, links: list[Connection]) -> None:
        self._barrier = barrier
        self._links = links

    def run(self, work: Callable[..., Any], url: str, *args: object) -> list[Any]:
        """Run `work(url, barrier, index, *args)` in each, and return what they returned, by index."""
        self._barrier.reset()
        for link in self._links:
            link.send((work, url, args))
        reported = [link.recv() for link in self._links if link.poll(PATIENCE_S)]
        assert [failure for failure, _ in reported] == [None] * PROCESSES
        return [result for _, result in reported]


@contextmanager
def sixteen_processes() -> Iterator[Sixteen]:
    """Yield them, and end them with the block."""
    barrier = _spawn.Barrier(PROCESSES)
    pairs = [_spawn.Pipe() for _ in range(PROCESSES)]
    processes = [
        _spawn.Process(target=_work, args=(theirs, barrier, index), daemon=True)
        for index, (_, theirs) in enumerate(pairs)
    ]
    for process in processes:
        process.start()
    try:
        yield Sixteen(barrier, [ours for ours, _ in pairs])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(PATIENCE_S)


def _work(link: Connection, barrier: Any, index: int) -> None:
    while True:
        work, url, args = link.recv()
        try:
            link.send((None, work(url, barrier, index, *args)))
        except Exception as failure:  # noqa: BLE001  the test is told, whatever it was
            barrier.abort()  # nobody waits for us
            link.send((repr(failure), None))


def update_each_round(url, barrier, index, token, path, rounds):
    """Per round: read the current version, meet, update with it. Return the statuses."""
    statuses = []
    for number in range(rounds):
        version = ask(url, "GET", f"{path}/metadata", token=token).json["metadata"]["version_id"]
        barrier.wait(PATIENCE_S)
        body = {"value": f"round {number} by {index}", "version_check": version}
        statuses.append(ask(url, "PUT", path, token=token, body=body).status)
        barrier.wait(PATIENCE_S)
    return statuses


def create(url, barrier, index, token, org, name):
    """Meet, create an object (`name` may hold the index), return the answer's status and body."""
    barrier.wait(PATIENCE_S)
    body = {"name": name.format(index=index), "value": "v", "key_context": {"organization_id": org}}
    answer = ask(url, "POST", "/vault/v1/kv", token=token, body=body)
    return answer.status, answer.json
