"""Hardening: this process leaves no core file, and shows its memory to no other process of its user."""

from __future__ import annotations

import ctypes
import os
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def harden() -> None:
    """Call it before anything is secret. What it executes keeps the limit alone.

    On Linux, /proc/<pid> is root's from then on, and ptrace and /proc/<pid>/mem are refused to others of the same user.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        prctl(_PR_SET_DUMPABLE, 0)  # where core_pattern is a pipe, a limit of 0 is ignored: core(5)


def prctl(option: int, argument: int) -> None:
    """Set an attribute of this process, on Linux alone. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, argument, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
