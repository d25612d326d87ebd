"""gunicorn's master, such that workers that serve never stop for one that cannot.

    python -m sealring.server.master --config python:sealring.server.serving ...    what gunicorn takes, no more

It reads the settings, once, and lets its workers inherit them. A worker is stopped only when its successor serves: at a
reload (SIGHUP), and when it has served its number of requests. Where a successor cannot start, the settings and the
workers before it stay, and the log says why. Only before any worker has served may one that cannot start end all.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from sealring import settings
from sealring.errors import SettingsInvalid
from sealring.observability.logs import Log
from sealring.server import inheritance, log_files
from sealring.server.configuration import Application
from sealring.server.inheritance import Inheritance
from sealring.server.serving import SETTINGS_VARIABLE
from sealring.server.worker import Worker

BOOT_S = 60.0  # how long a successor may take to begin to serve
PAUSE_S = 1.0  # after a worker that could not start
RETRY_S = 30.0  # after a worker that was due could not be replaced

_NO_STATUS = -1  # that of no process: gunicorn ends where a worker's is WORKER_BOOT_ERROR


class _Run(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Run by our master: in the order of methods, this stands right before gunicorn's own way."""

    def run(self) -> None:
        try:
            Master(self).run()
        except RuntimeError as error:  # as gunicorn does, e.g. for a pid file of a server that runs
            sys.exit(f"Error: {error}")


class _Application(Application, _Run):
    """The configuration, and the master that goes by it."""


@dataclass(frozen=True, slots=True)
class Succession:
    """Workers that start to take the place of others."""

    successors: frozenset[int]  # their ages, as gunicorn numbers workers
    retiring: frozenset[int]  # process ids
    until: float
    ended: Callable[[bool], None]  # told whether they serve


class Master(Arbiter):  # type: ignore[misc]
    """The process that starts workers and stops them."""

    def __init__(self, app: BaseApplication) -> None:
        self._log = Log()
        self._umask = _umask()
        self._refused = mmap.mmap(-1, 1)  # shared with workers of all generations
        self._succession: Succession | None = None
        self._not_before = self._retry_at = 0.0
        super().__init__(app)
        # gunicorn would run a module of its own package as a script, which cannot import what it needs
        self.START_CTX["args"] = [sys.executable, "-m", __spec__.name, *sys.argv[1:]]

    def start(self) -> None:
        try:
            inheritance.leave(self._read())
        except SettingsInvalid as error:
            self._log.notice(f"cannot start: {error}")
            sys.exit(1)
        self._good = inheritance.left(), self.app.configuration
        super().start()

    def reload(self) -> None:
        self._stats["reloads"] += 1
        self._abandon()
        if self._takes_new():  # nothing is forked in there: what a worker raises is not caught
            self._replace(
                [each for each in self.WORKERS.values() if not each.leaving], self.num_workers, self._reloaded
            )

    def handle_ttin(self) -> None:
        self._outlives(super().handle_ttin)

    def handle_ttou(self) -> None:
        self._outlives(super().handle_ttou)

    def handle_winch(self) -> None:
        self._outlives(super().handle_winch)

    def handle_usr1(self) -> None:
        try:
            log_files.reopen(self.log)
        except OSError as error:
            self._log.notice(f"the log was not opened again, and goes on where it was: {error.strerror}")
            return
        self.kill_workers(signal.SIGUSR1)

    def reexec(self) -> None:
        master = os.getpid()
        try:
            super().reexec()
        except BaseException as error:  # noqa: BLE001  whatever a hook raises; the fork must not stop our workers
            self._log.notice(f"no new master could be started: {type(error).__name__}")
            if os.getpid() != master:
                os._exit(1)

    def reap_workers(self) -> None:
        if self._has_served:  # one that ended just now is among the workers
            self.WORKER_BOOT_ERROR = self.APP_LOAD_ERROR = _NO_STATUS
        for _ in range(1 + len(self.WORKERS)):  # where child_exit raises, the worker has been taken out before
            if self._outlives(super().reap_workers):
                break

    def manage_workers(self) -> None:
        inheritance.left().renew()
        if self._succession is not None and not self._settled(self._succession):
            return
        staying = sorted((each for each in self.WORKERS.values() if not each.leaving), key=lambda each: each.age)
        for each in staying[: -self.num_workers]:
            self._retire(each)
        if time.monotonic() >= self._not_before:
            for _ in range(self.num_workers - len(staying)):
                self.spawn_worker()
        if time.monotonic() >= self._retry_at and (due := [each for each in staying if each.due]):
            self._replace(due[:1], 1, self._succeeded)

    def spawn_worker(self) -> None:
        try:
            super().spawn_worker()
        except BaseException as error:  # noqa: BLE001  a hook may raise anything
            if os.getpid() != self.pid:  # the end of a worker, which must not take itself for the master
                sys.exit(error.code if isinstance(error, SystemExit) else self.WORKER_BOOT_ERROR)
            if not (isinstance(error, OSError | RuntimeError) or self._has_served):
                raise HaltServer(f"Worker failed to boot: {_why(error)}", self.WORKER_BOOT_ERROR) from None
            # no memory, process, descriptor or place for a heartbeat, or a hook raised: others go on
            os.umask(self._umask)  # which gunicorn changed on its way
            self.pause()
            self._log.notice(f"cannot start a worker: {_why(error)}")

    def maybe_promote_master(self) -> None:
        if self.master_pid not in {0, os.getppid()} and self.pidfile is not None:
            _remove_stale(Path(self.cfg.pidfile), self.master_pid)
        super().maybe_promote_master()

    def pause(self) -> None:
        """Start no worker for a while: the last could not."""
        self._not_before = time.monotonic() + PAUSE_S

    @property
    def _has_served(self) -> bool:
        return self.WORKER_BOOT_ERROR == _NO_STATUS or any(each.ready for each in self.WORKERS.values())

    def _read(self) -> Inheritance:
        config = settings.load(Path(os.environ[SETTINGS_VARIABLE]))
        return Inheritance.of(config, self._log, lambda: self._refused[0] != 0)

    def _takes_new(self) -> bool:
        """Whether new settings and configuration could be read and adopted; what was before is in force otherwise."""
        try:
            self.app.reload()
            inherited = self._read()
            log_files.require_writable(self.app.cfg)
            inheritance.leave(inherited)
            self._adopt()
            log_files.reopen(self.log)
        except BaseException as error:  # noqa: BLE001  configuration is code, which may raise anything
            self._keep(_why(error))
            return False
        return True

    def _outlives(self, step: Callable[[], None]) -> bool:
        """Whether it passed: a hook in it may raise anything, and ends no server."""
        try:
            step()
        except HaltServer:
            raise
        except BaseException as error:
            if os.getpid() != self.pid:  # the end of a worker
                raise
            self._log.notice(f"a hook of gunicorn's configuration raised {type(error).__name__}; the server goes on")
            return False
        return True

    def _adopt(self) -> None:
        """Go by the configuration of the application."""
        self.setup(self.app)
        self.cfg.on_reload(self)

    def _keep(self, why: str) -> None:
        """Keep to the settings with which workers serve."""
        self._log.notice(f"the settings were not reloaded, and those before stay in force: {why}")
        self._refused[0] = 1
        inherited, self.app.configuration = self._good
        inheritance.leave(inherited)
        if self.cfg is not self.app.cfg:  # it was adopted
            try:
                self._adopt()
            except BaseException as error:  # noqa: BLE001  a hook that let the same configuration pass before
                self._log.notice(f"the configuration before could not be adopted again in full: {_why(error)}")

    def _reloaded(self, serve: bool) -> None:  # noqa: FBT001
        if not serve:
            self._keep("no worker could start with the new ones")
            return
        self._good = inheritance.left(), self.app.configuration
        self._refused[0] = 0
        self._log.notice("the settings were reloaded")

    def _succeeded(self, serve: bool) -> None:  # noqa: FBT001
        if not serve:
            self._retry_at = time.monotonic() + RETRY_S
            self._log.notice("a worker that is due to be replaced goes on: another could not start")

    def _replace(self, retiring: list[Worker], count: int, ended: Callable[[bool], None]) -> None:
        first = self.worker_age + 1
        for _ in range(count):
            self.spawn_worker()
        successors = frozenset(range(first, first + count))
        until = time.monotonic() + BOOT_S
        self._succession = Succession(successors, frozenset(each.pid for each in retiring), until, ended)

    def _settled(self, succession: Succession) -> bool:
        """Whether it is decided who stays; those go that do not."""
        successors = [each for each in self.WORKERS.values() if each.age in succession.successors]
        lost = len(successors) < len(succession.successors) or time.monotonic() > succession.until
        serve = not lost and all(each.ready for each in successors)
        if lost:
            self._abandon()
        elif serve:
            self._succession = None
            for pid in succession.retiring & self.WORKERS.keys():
                self._retire(self.WORKERS[pid])
        if lost or serve:
            succession.ended(serve)
        return lost or serve

    def _abandon(self) -> None:
        """Let the successors go, if there are any."""
        if self._succession is not None:
            for each in list(self.WORKERS.values()):
                if each.age in self._succession.successors:
                    self._retire(each)
            self._succession = None

    def _retire(self, worker: Worker) -> None:
        if not worker.leaving:
            worker.leaving = True
            self.kill_worker(worker.pid, signal.SIGTERM if worker.ready else signal.SIGKILL)


def _why(error: BaseException) -> str:
    """Say what was raised; the text of what is not known may quote a secret."""
    if isinstance(error, SettingsInvalid):
        return str(error)
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return os.strerror(error.errno)
    return f"{type(error).__name__} was raised"


def _umask() -> int:
    """It can be read only by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _remove_stale(pid_file: Path, pid: int) -> None:
    """Remove a file that names a process which is gone, even where nobody has waited for its end."""
    with suppress(OSError):
        if pid_file.read_text(encoding="ascii").strip() == str(pid):
            pid_file.unlink()


def main() -> NoReturn:
    _Application("%(prog)s [OPTIONS]", prog="sealring").run()
    raise AssertionError("the master ends the process")


if __name__ == "__main__":
    main()
