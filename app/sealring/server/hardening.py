"""Hardening of this process: no core files, and no access to its memory for other processes of its user."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from contextlib import suppress

# linux/prctl.h
PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4

# At 0, Linux writes no core file, but still gives a core to the program of a core_pattern that is a pipe, such as
# systemd-coredump, which logs the environment. At exactly 1 it does neither (fs/coredump.c): a file needs a page.
_NO_CORE_BYTES = 1 if sys.platform == "linux" else 0


def harden() -> None:
    """Harden this process. Call it before the process has a secret.

    On Linux, /proc/<pid> then belongs to root, and other processes of the user cannot use ptrace and /proc/<pid>/mem. A
    program that this process executes inherits only the limit on core files, and may lower it.
    """
    with suppress(ValueError):  # it is 0, and only root may raise it
        resource.setrlimit(resource.RLIMIT_CORE, (_NO_CORE_BYTES, _NO_CORE_BYTES))
    if sys.platform == "linux":
        prctl(_PR_SET_DUMPABLE, 0)


def prctl(option: int, argument: int) -> None:
    """Set an attribute of this process; only on Linux. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, argument, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
