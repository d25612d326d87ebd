"""Measurement of what many calls add to a process: descriptors, threads, memory, sessions."""

from __future__ import annotations

import gc
import os
import resource
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from sealring_plugin.conformance.cases import OTHER_CONTEXT, Key, Provider, opens, unwrap, wrap
from sealring_plugin.conformance.hooks import Hooks

_DESCRIPTORS = ("/proc/self/fd", "/dev/fd")
_MEMORY = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Growth:
    """The growth of each number. `sessions` is None if the author's hook does not give it."""

    descriptors: int
    threads: int
    memory_bytes: int
    sessions: int | None


def measure(hooks: Hooks, provider: Provider, key: Key) -> Growth:
    """Measure `hooks.calls` calls, a third of them rejected, after a tenth as many to fill pools and caches."""
    gc.freeze()  # only objects of the calls matter, and all others make a collection slow
    try:
        _call(provider, key, hooks.calls // 10)
        before = _held(hooks, provider)
        _call(provider, key, hooks.calls)
        after = _held(hooks, provider)
    finally:
        gc.unfreeze()
    sessions = None if before[3] is None or after[3] is None else after[3] - before[3]
    return Growth(after[0] - before[0], after[1] - before[1], after[2] - before[2], sessions)


def _held(hooks: Hooks, provider: Provider) -> tuple[int, int, int, int | None]:
    gc.collect()
    return descriptors(), threading.active_count(), memory_bytes(), hooks.sessions(provider)


def _call(provider: Provider, key: Key, calls: int) -> None:
    for _ in range(max(1, calls // 3)):
        wrapped = wrap(provider, key)
        unwrap(provider, wrapped, key)
        opens(provider, wrapped, key, OTHER_CONTEXT)


def descriptors() -> int:
    """Return how many files the process has open."""
    folder = next(path for path in _DESCRIPTORS if os.path.isdir(path))  # noqa: PTH112  cheap, and in a loop
    return len(os.listdir(folder))  # noqa: PTH208


def memory_bytes() -> int:
    """Return the resident memory of the process or, if the system does not give it, its peak."""
    if _MEMORY.exists():
        return int(_MEMORY.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
