"""Becoming another program: the same process, so that signals, terminal and exit status are its own."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping, Sequence
from typing import NoReturn

from sealring.client.failures import ProgramNotStarted

NOT_FOUND, NOT_EXECUTABLE = 127, 126  # POSIX.1-2024, Shell Command Language, section 2.8.2

_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # an ignored signal stays ignored over execve(2)


def become(command: Sequence[str], environment: Mapping[bytes, bytes]) -> NoReturn:
    """Replace this process by `command`, which is looked up in the PATH of `environment`. Raises ProgramNotStarted."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in _IGNORED_BY_PYTHON}
    try:
        os.execvpe(command[0], list(command), dict(environment))  # noqa: S606  no shell is the point
    except OSError as error:
        raise _not_started(error, command[0]) from None
    except ValueError:  # an empty name, or a NUL in an argument
        raise ProgramNotStarted("the command is not one that can be executed", NOT_FOUND) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _not_started(error: OSError, name: str) -> ProgramNotStarted:
    if error.errno == errno.E2BIG:
        return ProgramNotStarted(
            "the secrets are too large for the environment of a program (Linux: 128 KiB each)", NOT_EXECUTABLE
        )
    status = NOT_FOUND if error.errno in {errno.ENOENT, errno.ENOTDIR} else NOT_EXECUTABLE
    return ProgramNotStarted(f"{name!a} cannot be executed ({error.strerror})", status)
