"""Hardening of this process: no core files, and no access to its memory for other processes of its user."""

from __future__ import annotations

import ctypes
import os
import resource
import sys

# linux/prctl.h
PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def harden() -> None:
    """Harden this process. Call it before the process has a secret.

    On Linux, /proc/<pid> then belongs to root, and other processes of the user cannot use ptrace and /proc/<pid>/mem. A
    program that this process executes inherits only the limit on core files.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        prctl(_PR_SET_DUMPABLE, 0)  # if core_pattern is a pipe, a limit of 0 is ignored: core(5)


def prctl(option: int, argument: int) -> None:
    """Set an attribute of this process; only on Linux. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, argument, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
