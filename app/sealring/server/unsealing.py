"""Opening sealed root keys for the master, in a child process that ends before a worker starts.

The child loads the SDK of a cloud or the module of an HSM, which must not be in the master: their threads and sessions
do not survive a fork. It gives the root keys to the master through a pipe.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
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

ROOT_VARIABLE = "SEALRING_ROOT_FD"  # tells a master the descriptor of a socket with the unsealed root keys
RELOAD_S = 10.0  # how long a reload tries
PAUSE_S = 1.0  # between two attempts

_OPENED, _FAILED = b"\1", b"\0"


@dataclass(frozen=True, slots=True)
class Unsealing:
    """How sealed root keys are opened. `held` are those that this server has already, from before a reload or exec."""

    held: bytes | None = field(default=None, repr=False)
    most_s: float = float("inf")  # which it may take, whatever retry_s of the settings is

    @classmethod
    def again(cls, root: Root | None) -> Self:
        """At a reload, which holds up the master."""
        return cls(None if root is None else root.content, RELOAD_S)

    def with_root(self, settings: Settings, plugins: Plugins, log: Log) -> Plugins:
        """Give the root keys to their plugin, if they are sealed. Raises SettingsInvalid if no seal opens in time.

        The held ones are used as long as the seals contain the same, or only altered seals contain others.
        """
        if not settings.sealing.seals:
            return plugins
        seals, held = RootSeals(settings, plugins), self._held_by(plugins)
        if held is not None and seals.holds(held):
            return plugins.unsealed(held)
        opening = _Opening.of(seals, held, log, retry_s=settings.sealing.retry_s, most_s=self.most_s)
        return plugins.unsealed(root_of(plugins.sealed(), _opened_by_child(opening)))

    def _held_by(self, plugins: Plugins) -> Root | None:
        with suppress(SettingsInvalid):  # they are of another provider
            return None if self.held is None else root_of(plugins.sealed(), self.held)
        return None


@contextmanager
def handing_over(root: Root | None) -> Iterator[dict[str, str]]:
    """Yield the variable for a master that this process executes, which reads the root keys from a socket.

    Until that master has hardened itself, other processes of its user could open a pipe in /proc/<pid>/fd, and read
    it; a socket cannot be opened there.

    Raises OSError.
    """
    if root is None:
        yield {}
        return
    reading, writing = socket.socketpair()
    with reading:
        with writing:
            writing.setblocking(False)
            if writing.send(root.content) < len(root.content):
                raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        reading.set_inheritable(True)
        yield {ROOT_VARIABLE: str(reading.fileno())}


def handed_over() -> bytes | None:
    """Return the root keys that the process which executed this one has handed over, once."""
    number = os.environ.pop(ROOT_VARIABLE, "")
    if not number.isdecimal():
        return None
    with suppress(OSError), open(int(number), "rb") as left:  # noqa: PTH123  a descriptor
        return left.read(MAX_CONTENT_BYTES)
    return None


@dataclass(frozen=True, slots=True)
class _Opening:
    """What the child has to do. Times are those of time.monotonic()."""

    seals: RootSeals
    held: Root | None = field(repr=False)
    log: Log
    retry_until: float  # no attempt begins afterwards
    until: float  # no attempt takes longer

    @classmethod
    def of(cls, seals: RootSeals, held: Root | None, log: Log, *, retry_s: float, most_s: float) -> Self:
        now = time.monotonic()
        until = now + most_s - PAUSE_S  # so that the child can still say why
        return cls(seals, held, log, min(now + retry_s, until), until)

    @property
    def answer_until(self) -> float:
        """How long the child is waited for. The last attempt may begin at `retry_until`, and asks each seal."""
        return min(self.until + PAUSE_S, self.retry_until + DEADLINE_S * (len(self.seals.files) + 1))

    def root(self) -> Root:
        """Try until a seal opens. Raises SettingsInvalid if none does in time, or if none ever can."""
        said = ""
        while isinstance(found := self.seals.attempt(self.until), StaysSealed):
            if self.held is not None and self.seals.holds(self.held):
                self.log.notice(f"the root keys that the server has stay in use, but no seal opens: {found.why}")
                return self.held
            if not found.may_pass or time.monotonic() + PAUSE_S >= self.retry_until:
                raise found.error()
            if found.why != said:
                said = found.why
                self.log.notice(f"the root keys stay sealed for now, and are tried again: {said}")
            time.sleep(PAUSE_S)
        self.log.notice(f"the root keys were opened by {self.seals.opened_by}")
        return found


def _opened_by_child(opening: _Opening) -> bytes:
    """Return the content of the file of root keys. Raises SettingsInvalid."""
    reading, writing = os.pipe()
    master = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_the_child(master, writing, opening)
    os.close(writing)
    try:
        told = _read_to_end(reading, opening.answer_until)
    finally:
        os.close(reading)
        _end(pid)
    if told[:1] == _OPENED:
        return told[1:]
    raise SettingsInvalid(told[1:].decode() or "the process that opens the root keys ended without an answer")


def _be_the_child(master: int, writing: int, opening: _Opening) -> NoReturn:
    """Open the root keys, write them to the pipe, and end without the master's clean-up."""
    try:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the master ignores it as well
        harden()
        _end_with(master)
        try:
            told = _OPENED + opening.root().content
        except SettingsInvalid as error:
            told = _FAILED + for_the_operator(error).encode()
        with open(writing, "wb") as pipe:
            pipe.write(told)
    except BaseException as error:  # noqa: BLE001  nothing of the child may return to the master's code
        opening.log.fault("the root keys could not be opened", error)
    finally:
        os._exit(0)


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
