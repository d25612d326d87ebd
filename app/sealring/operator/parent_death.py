"""Child processes that end when their parent ends, even if it is killed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Iterator

from sealring.server.hardening import PR_SET_PDEATHSIG


def die_with(parent: int) -> Callable[[], None]:
    """Return a function that a forked child runs before its exec, so that the kernel ends it with `parent`.

    SIGKILL loses nothing: every answered write is already on disk.
    """
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork, where it is safe

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the call above
            os._exit(1)

    return bind


@contextlib.contextmanager
def watched(pid: int) -> Iterator[None]:
    """Let a shell kill process `pid` when we die: macOS has no parent-death signal.

    The shell reads a pipe, and only we hold its other end. If the shell itself is killed, the process stays, and so
    does its lock: a second start is still refused.
    """
    watcher = subprocess.Popen(  # noqa: S603  a fixed script, and a number
        ["/bin/sh", "-c", 'read -r _; kill -KILL "$0"', str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with watcher:
        try:
            yield
        finally:
            watcher.kill()  # before its pipe is closed
