"""gunicorn's master, which stops a serving worker only when its successor serves.

    python -m sealring.server.master --config python:sealring.server.serving ...    with gunicorn's arguments

It reads the settings once, and its workers inherit them. It replaces workers at a reload (SIGHUP, or a renewed TLS
certificate), and each worker after its maximum of requests. If a successor cannot start, the former settings and
workers stay, and the log says why. A worker that cannot start ends the server only if no worker has served yet.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from sealring import settings
from sealring.errors import SettingsInvalid
from sealring.files import current_umask, remove_pid_file
from sealring.observability.logs import Log
from sealring.server import inheritance, log_files
from sealring.server.configuration import Application
from sealring.server.counting import Counting
from sealring.server.hardening import harden
from sealring.server.inheritance import Inheritance
from sealring.server.reasons import why, why_no_worker
from sealring.server.succession import Succession
from sealring.server.unsealing import ROOT_VARIABLE, Unsealing, handed_over, handing_over
from sealring.server.variables import SETTINGS_VARIABLE
from sealring.server.worker import Worker

BOOT_S = 60.0  # the most time until a successor serves
PAUSE_S = 1.0  # after a worker that could not start
RETRY_S = 30.0  # after a worker that was due could not be replaced

_NO_STATUS = -1  # no process exits with it: gunicorn ends if a worker exits with WORKER_BOOT_ERROR


class _Run(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Runs our master instead of gunicorn's: it is right before gunicorn's class in the method resolution order."""

    def run(self) -> None:
        try:
            Master(self).run()
        except RuntimeError as error:  # as gunicorn does, e.g. for the pid file of a running server
            sys.exit(f"Error: {error}")


class _Application(Application, _Run):
    """The configuration with the master that uses it."""


class Master(Arbiter):  # type: ignore[misc]
    """The process that starts and stops workers."""

    def __init__(self, app: BaseApplication) -> None:
        self._log = Log()
        self._umask = current_umask()
        self._succession: Succession | None = None
        self._counting = Counting(self._log)
        self._not_before = self._retry_at = 0.0
        super().__init__(app)
        # gunicorn would run this module as a script, which could not import its own package
        self.START_CTX["args"] = [sys.executable, "-P", "-m", __spec__.name, *sys.argv[1:]]

    def start(self) -> None:
        harden()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # process 1 of a container would ignore it until then
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # there is nothing to reload yet
        try:
            inherited = self._read(Unsealing(handed_over()))
            self._counting.take_over(inherited.settings.observability.metrics_bind, self.cfg)
        except SettingsInvalid as error:
            self._log.notice(f"cannot start: {error}")
            sys.exit(1)
        inheritance.leave(inherited)
        self.app.choose(inherited.settings.worker)
        self.worker_class = self.cfg.worker_class
        self._note_loaded()
        super().start()

    def reload(self) -> None:
        self._stats["reloads"] += 1
        self._abandon()
        if self._takes_new():  # it forks nothing, so that it catches nothing that a worker raises
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
            self._log.notice(f"the log files were not reopened, and stay in use: {error.strerror}")
            return
        self.kill_workers(signal.SIGUSR1)

    def reexec(self) -> None:
        master, environment = os.getpid(), self.cfg.env_orig
        environment.pop(ROOT_VARIABLE, None)  # an earlier one, which is closed
        self._counting.leave(environment)
        try:
            with handing_over(inheritance.left().plugins.root) as variables:
                environment.update(variables)  # the new master then needs no KMS either
                super().reexec()
        except BaseException as error:  # noqa: BLE001  a hook may raise anything; the fork must not stop our workers
            self._log.notice(f"no new master could be started: {type(error).__name__}")
            if os.getpid() != master:
                os._exit(1)

    def reap_workers(self) -> None:
        if self._has_served:  # a worker that has just ended is still among the workers
            self.WORKER_BOOT_ERROR = self.APP_LOAD_ERROR = _NO_STATUS
        for _ in range(1 + len(self.WORKERS)):  # if child_exit raises, gunicorn has already removed the worker
            if self._outlives(super().reap_workers):
                break
        self._counting.look(self.WORKERS.values())

    def manage_workers(self) -> None:
        inheritance.left().renew()
        self._counting.look(self.WORKERS.values())
        if self.app.certificate.is_renewed():
            self._log.notice("the TLS certificate or its key has changed: the server reloads")
            self.reload()
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
            if os.getpid() != self.pid:  # this is the worker, which must not continue as the master
                sys.exit(error.code if isinstance(error, SystemExit) else self.WORKER_BOOT_ERROR)
            reason = why_no_worker(error, self.cfg.worker_tmp_dir)
            if not self._has_served:
                raise HaltServer(f"Worker failed to boot: {reason}", self.WORKER_BOOT_ERROR) from None
            # no memory, process, descriptor or room for a heartbeat file, or a hook raised: other workers continue
            os.umask(self._umask)  # gunicorn had changed it
            self.pause()
            self._log.notice(f"cannot start a worker: {reason}")

    def maybe_promote_master(self) -> None:
        if self.master_pid not in {0, os.getppid()} and self.pidfile is not None:
            remove_pid_file(Path(self.cfg.pidfile), self.master_pid)
        super().maybe_promote_master()

    def kill_worker(self, pid: int, sig: int) -> None:
        if sig in {signal.SIGTERM, signal.SIGQUIT} and pid in self.WORKERS:
            self.WORKERS[pid].leaving = True  # it does not crash
        super().kill_worker(pid, sig)

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        try:
            super().halt(reason, exit_status)
        finally:
            self._counting.close()

    def pause(self) -> None:
        """Start no worker for PAUSE_S, because the last one could not start."""
        self._not_before = time.monotonic() + PAUSE_S

    @property
    def _has_served(self) -> bool:
        return self.WORKER_BOOT_ERROR == _NO_STATUS or any(each.ready for each in self.WORKERS.values())

    def _read(self, unsealing: Unsealing) -> Inheritance:
        config = settings.load(Path(os.environ[SETTINGS_VARIABLE]))
        return Inheritance.of(config, self._log, self._counting.reload_refused, unsealing)

    def _takes_new(self) -> bool:
        """Read and adopt new settings and configuration. Return False if that failed and the former ones stay."""
        try:
            self.app.reload()
            inherited = self._read(Unsealing.again(inheritance.left().plugins.root))
            self.app.choose(inherited.settings.worker)
            log_files.require_writable(self.app.cfg)
            self._counting.check(inherited.settings.observability.metrics_bind)
            inheritance.leave(inherited)
            self._adopt()
            log_files.reopen(self.log)
        except BaseException as error:  # noqa: BLE001  the configuration is code, which may raise anything
            self._keep(why(error))
            return False
        return True

    def _outlives(self, step: Callable[[], None]) -> bool:
        """Run a step of gunicorn's, and return False if it raised: a hook that raises must not end the server."""
        try:
            step()
        except HaltServer:
            raise
        except BaseException as error:
            if os.getpid() != self.pid:  # this is a worker, which ends
                raise
            self._log.notice(f"a hook of gunicorn's configuration raised {type(error).__name__}; the server continues")
            return False
        return True

    def _adopt(self) -> None:
        """Adopt the configuration of the application."""
        self.setup(self.app)
        self.cfg.on_reload(self)

    def _keep(self, reason: str) -> None:
        """Keep the settings that workers serve with."""
        self._log.notice(f"the settings were not reloaded, and the former ones stay in force: {reason}")
        self._counting.note_refused()
        inherited, self.app.configuration = self._good
        inheritance.leave(inherited)
        if self.cfg is not self.app.cfg:  # the new one was adopted
            try:
                self._adopt()
            except BaseException as error:  # noqa: BLE001  a hook that accepted this configuration before
                self._log.notice(f"the former configuration could not be adopted again completely: {why(error)}")

    def _note_loaded(self) -> None:
        self._good = inheritance.left(), self.app.configuration
        self._counting.note_loaded(self.app.certificate)

    def _reloaded(self, serve: bool) -> None:  # noqa: FBT001
        if not serve:
            self._keep("no worker could start with the new settings")
            return
        self._note_loaded()
        self._counting.follow(inheritance.left().settings.observability.metrics_bind)
        self._log.notice("the settings were reloaded")

    def _succeeded(self, serve: bool) -> None:  # noqa: FBT001
        if not serve:
            self._retry_at = time.monotonic() + RETRY_S
            self._log.notice("a worker that is due to be replaced continues, because its successor could not start")

    def _replace(self, retiring: list[Worker], count: int, ended: Callable[[bool], None]) -> None:
        first = self.worker_age + 1
        for _ in range(count):
            self.spawn_worker()
        successors = frozenset(range(first, first + count))
        until = time.monotonic() + BOOT_S
        self._succession = Succession(successors, frozenset(each.pid for each in retiring), until, ended)

    def _settled(self, succession: Succession) -> bool:
        """Return whether the succession has ended; if so, retire the former workers or the successors."""
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
        """Retire the successors, if there are any."""
        if self._succession is not None:
            for each in list(self.WORKERS.values()):
                if each.age in self._succession.successors:
                    self._retire(each)
            self._succession = None

    def _retire(self, worker: Worker) -> None:
        if not worker.leaving:
            worker.leaving = True
            self.kill_worker(worker.pid, signal.SIGTERM if worker.ready else signal.SIGKILL)


def main() -> NoReturn:
    _Application("%(prog)s [OPTIONS]", prog="sealring").run()
    raise AssertionError("the master ends the process")


if __name__ == "__main__":
    main()
