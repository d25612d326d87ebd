"""Opening sealed root keys for the master, in a child process that ends before a worker starts.

The child loads the SDK of a cloud or the module of an HSM, which must not be in the master: their threads and sessions
do not survive a fork. It gives the root keys to the master through a pipe.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NoReturn, Self

from sealring.domain.root_seal import MAX_CONTENT_BYTES, Root
from sealring.errors import SettingsInvalid
from sealring.observability.logs import Log
from sealring.providers.failures import for_the_operator
from sealring.providers.plugins import Plugins
from sealring.providers.root_files import root_of
from sealring.providers.seals import DEADLINE_S
from sealring.server.hardening import PR_SET_PDEATHSIG, harden, prctl
from sealring.server.root_seals import RootSeals, StaysSealed
from sealring.settings import Settings

ROOT_VARIABLE = "SEALRING_ROOT_FD"  # tells a master the descriptor of a pipe with the unsealed root keys
RELOAD_S = 10.0  # how long a reload tries
PAUSE_S = 1.0  # between two attempts

_OPENED, _FAILED = b"\1", b"\0"


@dataclass(frozen=True, slots=True)
class Unsealing:
    """How sealed root keys are opened. `held` are those that this server has already, from before a reload or exec."""

    held: bytes | None = field(default=None, repr=False)
    most_s: float = float("inf")  # for which it tries, if retry_s of the settings is not less

    @classmethod
    def again(cls, root: Root | None) -> Self:
        """At a reload, which holds up the master."""
        return cls(None if root is None else root.content, RELOAD_S)

    def with_root(self, settings: Settings, plugins: Plugins, log: Log) -> Plugins:
        """Give the root keys to their plugin, if they are sealed. Raises SettingsInvalid if no seal opens in time.

        The held ones are used as long as the seals contain the same.
        """
        if not settings.sealing.seals:
            return plugins
        seals = RootSeals(settings, plugins)
        held = self._still_sealed(seals, plugins)
        if held is not None:
            return plugins.unsealed(held)
        retry_s = min(self.most_s, settings.sealing.retry_s)
        return plugins.unsealed(root_of(plugins.sealed(), _opened_by_child(seals, log, retry_s)))

    def _still_sealed(self, seals: RootSeals, plugins: Plugins) -> Root | None:
        if self.held is None:
            return None
        with suppress(SettingsInvalid):  # they are of another provider
            root = root_of(plugins.sealed(), self.held)
            return root if seals.holds(root) else None
        return None


@contextmanager
def handing_over(root: Root | None) -> Iterator[dict[str, str]]:
    """Yield the variable for a master that this process executes, which reads the root keys from a pipe.

    Raises OSError.
    """
    if root is None:
        yield {}
        return
    reading, writing = os.pipe()
    try:
        try:
            os.set_blocking(writing, False)
            if os.write(writing, root.content) < len(root.content):
                raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        finally:
            os.close(writing)
        os.set_inheritable(reading, True)
        yield {ROOT_VARIABLE: str(reading)}
    finally:
        os.close(reading)


def handed_over() -> bytes | None:
    """Return the root keys that the process which executed this one has handed over, once."""
    number = os.environ.pop(ROOT_VARIABLE, "")
    if not number.isdecimal():
        return None
    with suppress(OSError), open(int(number), "rb") as pipe:  # noqa: PTH123  a descriptor
        return pipe.read(MAX_CONTENT_BYTES)
    return None


def _opened_by_child(seals: RootSeals, log: Log, retry_s: float) -> bytes:
    """Return the content of the file of root keys. Raises SettingsInvalid."""
    deadline = time.monotonic() + retry_s
    reading, writing = os.pipe()
    master = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_the_child(master, writing, seals, log, deadline)
    os.close(writing)
    try:
        # the last attempt may begin at the deadline, and each seal takes its own time
        told = _read_to_end(reading, deadline + DEADLINE_S * (len(seals.files) + 1))
    finally:
        os.close(reading)
        _end(pid)
    if told[:1] == _OPENED:
        return told[1:]
    raise SettingsInvalid(told[1:].decode() or "the process that opens the root keys ended without an answer")


def _be_the_child(master: int, writing: int, seals: RootSeals, log: Log, deadline: float) -> NoReturn:
    """Open the root keys, write them to the pipe, and end without the master's clean-up."""
    try:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the master ignores it as well
        harden()
        _end_with(master)
        try:
            told = _OPENED + _opened(seals, log, deadline).content
        except SettingsInvalid as error:
            told = _FAILED + for_the_operator(error).encode()
        with open(writing, "wb") as pipe:
            pipe.write(told)
    except BaseException as error:  # noqa: BLE001  nothing of the child may return to the master's code
        log.fault("the root keys could not be opened", error)
    finally:
        os._exit(0)


def _opened(seals: RootSeals, log: Log, deadline: float) -> Root:
    """Try until a seal opens. Raises SettingsInvalid if none does before the deadline, or if none ever can."""
    said = ""
    while isinstance(found := seals.attempt(), StaysSealed):
        if not found.may_pass or time.monotonic() + PAUSE_S >= deadline:
            raise found.error()
        if found.why != said:
            said = found.why
            log.notice(f"the root keys stay sealed for now, and are tried again: {said}")
        time.sleep(PAUSE_S)
    log.notice(f"the root keys were opened by {seals.opened_by}")
    return found


def _end_with(master: int) -> None:
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != master:  # it ended before the call of prctl
        os._exit(0)


def _read_to_end(reading: int, deadline: float) -> bytes:
    told = b""
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(reading, MAX_CONTENT_BYTES)
        told += part
        if not part:
            return told
    return _FAILED + b"the process that opens the root keys did not answer in time"


def _end(pid: int) -> None:
    """End the child and reap it, before the arbiter looks for workers that ended."""
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
