"""What a provider adds to a request: keys made just in time for new contexts, used cold and used warm.

In one process, through the whole WSGI application, so that providers are compared without the noise of sockets. CPU
time is the process's, its threads for providers included.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from in_process import Application
from report import progress, table

from sealring import settings
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring

CONTEXTS = 1000
WARM = 500
STRETCHES = 10
DATA_KEY, DECRYPT, KV = "/vault/v1/keys/data-key", "/vault/v1/keys/decrypt", "/vault/v1/kv"


def measure(folder: Path, providers: list[str]) -> dict[str, dict[str, float]]:
    """Return CPU µs a request, by provider and by what was asked; print them side by side."""
    found = {provider: _one(folder / provider, provider) for provider in providers}
    rows = [[name, *(f"{found[provider][name]:,.0f}" for provider in providers)] for name in found[providers[0]]]
    print(f"\n{CONTEXTS:,} contexts; CPU µs a request in-process, by provider of managed keys\n")
    print(table(["", *providers], rows))
    return found


def _one(folder: Path, provider: str) -> dict[str, float]:
    progress(f"{provider}: {CONTEXTS:,} contexts, made, cold and warm")
    with EmbeddedValkey(folder) as valkey:
        list(installation.create_files(folder, valkey.url, provider))
        path = folder / installation.SETTINGS_FILE
        wiring.initialise_store(settings.load(path), 1)
        first = Application(path)
        contexts = [{"organization_id": "org_bench", "number": str(number)} for number in range(CONTEXTS)]
        bodies = [{"context": context} for context in contexts]
        blobs: list[str] = []
        spent = {
            "data-key, new context": _cpu_us(
                bodies, lambda body: blobs.append(first.ask(DATA_KEY, body)["encrypted_keys"])
            )
        }
        keys = [{"keys": blob} for blob in blobs]
        objects = [{"name": os.urandom(8).hex(), "value": "v" * 32, "key_context": context} for context in contexts]
        warm = slice(WARM)  # as many as every cache of KEKs holds
        ids: list[str] = []
        first.ask_each(DATA_KEY, bodies[warm])
        spent["data-key, warm"] = _cpu_us(bodies[warm], lambda body: first.ask(DATA_KEY, body))
        spent["create, warm"] = _cpu_us(objects[warm], lambda body: ids.append(first.ask(KV, body)["id"]))
        second, third = Application(path), Application(path)
        for application in (second, third):
            application.ask(DATA_KEY, {"context": {"organization_id": "org_other"}})
        spent["decrypt, cold"] = _cpu_us(keys, lambda body: second.ask(DECRYPT, body))
        second.ask_each(DECRYPT, keys[warm])
        spent["decrypt, warm"] = _cpu_us(keys[warm], lambda body: second.ask(DECRYPT, body))
        spent["read, cold"] = _cpu_us(ids, lambda object_id: third.ask(f"{KV}/{object_id}"))
        spent["read, warm"] = _cpu_us(ids, lambda object_id: third.ask(f"{KV}/{object_id}"))
        return spent


def _cpu_us(each: list[Any], ask: Callable[[Any], object]) -> float:
    """The median of ten stretches: one that the machine disturbs does not count."""
    size = len(each) // STRETCHES
    return median(_mean_cpu_us(each[start : start + size], ask) for start in range(0, size * STRETCHES, size))


def _mean_cpu_us(each: list[Any], ask: Callable[[Any], object]) -> float:
    began = time.process_time_ns()
    for one in each:
        ask(one)
    return (time.process_time_ns() - began) / len(each) / 1000
