"""Waiting for what other processes do, without sleeping longer than it takes."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 20.0


def becomes_true(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    """Ask again and again until `condition` holds; False where it does not in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


def is_gone(pid: int) -> bool:
    """A zombie is gone too: in a container, nobody may be there to reap it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def pause(seconds: float) -> None:
    """Let time pass where time itself is what a test is about: never to wait for something."""
    time.sleep(seconds)
