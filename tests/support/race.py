"""Sixteen processes that do one thing at once, over HTTP. Here, since a spawned process imports what it runs."""

import multiprocessing
from dataclasses import replace

from support.live import LiveServer

PROCESSES = 16
PATIENCE_S = 60

_spawn = multiprocessing.get_context("spawn")


def in_sixteen_processes(work, live: LiveServer, *args):
    """Run `work(server, barrier, index, *args)` in each, and return what they returned."""
    barrier = _spawn.Barrier(PROCESSES)
    results = _spawn.Queue()
    here = replace(live, process=None, kms=None)
    processes = [
        _spawn.Process(target=_report, args=(work, results, here, barrier, index, *args), daemon=True)
        for index in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    reported = [results.get(timeout=PATIENCE_S) for _ in processes]
    for process in processes:
        process.join(PATIENCE_S)
    return reported


def _report(work, results, *args):
    results.put(work(*args))


def update_each_round(live, barrier, index, token, path, rounds):
    """Per round: read the current version, meet, update with it. Return the statuses."""
    statuses = []
    for number in range(rounds):
        version = live.ask("GET", f"{path}/metadata", token=token).json["metadata"]["version_id"]
        barrier.wait(PATIENCE_S)
        body = {"value": f"round {number} by {index}", "version_check": version}
        statuses.append(live.ask("PUT", path, token=token, body=body).status)
        barrier.wait(PATIENCE_S)
    return statuses


def create(live, barrier, index, token, org, name):
    """Meet, create an object (`name` may hold the index), return the answer's status and body."""
    barrier.wait(PATIENCE_S)
    body = {"name": name.format(index=index), "value": "v", "key_context": {"organization_id": org}}
    answer = live.ask("POST", "/vault/v1/kv", token=token, body=body)
    return answer.status, answer.json
