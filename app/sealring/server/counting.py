"""What the master does for the metrics: the memory in which all processes count, their port, and its own numbers."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from sealring.errors import SettingsInvalid
from sealring.observability import metrics
from sealring.observability.book import Book
from sealring.observability.logs import Log
from sealring.observability.settings import Bind
from sealring.server.certificate import Certificate
from sealring.server.metrics_port import MetricsPort
from sealring.server.variables import METRICS_VARIABLE
from sealring.server.worker import Worker


class Counting:
    """Only for the master's thread, which forks: it starts none."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._refused = mmap.mmap(-1, 1)  # shared with workers of all generations
        self._workers: set[Worker] = set()

    def take_over(self, bind: Bind | None, cfg: Any) -> None:
        """Begin, or go on with what another master has left. Raises SettingsInvalid if the port cannot be used."""
        descriptor, _, port = os.environ.pop(METRICS_VARIABLE, "").partition(" ")
        self._book = _book(descriptor)
        Worker.book = self._book
        metrics.VERSIONS.add(version("sealring"))
        metrics.BUILD.of(version=version("sealring")).set(1)
        self._port = MetricsPort(self._book.descriptor, _user(cfg))
        Worker.forget = self._port.forget
        if port:
            self._port.inherit(port, bind)
        self._port.follow(bind)

    def leave(self, environment: MutableMapping[str, str]) -> None:
        """Leave the book and the port to a master that is about to be started with this environment."""
        os.set_inheritable(self._book.descriptor, True)
        environment[METRICS_VARIABLE] = f"{self._book.descriptor} {self._port.legacy}".rstrip()

    def check(self, bind: Bind | None) -> None:
        """Raises SettingsInvalid if `follow` would fail."""
        self._port.check(bind)

    def follow(self, bind: Bind | None) -> None:
        """Have the port where the new settings say."""
        try:
            self._port.follow(bind)
        except SettingsInvalid as error:  # somebody has taken it since it was checked
            self._log.notice(f"the port of the metrics stays where it was: {error}")

    def note_loaded(self, certificate: Certificate) -> None:
        """Tell what the server serves with from now on."""
        self._refused[0] = 0
        metrics.RELOAD_REFUSED.of().set(0)
        metrics.CERTIFICATE.of().set(certificate.expires_at)

    def note_refused(self) -> None:
        """Tell that a reload was refused: what was loaded before stays."""
        self._refused[0] = 1
        metrics.RELOAD_REFUSED.of().set(1)

    def reload_refused(self) -> bool:
        """Whether the last reload was refused, at the time of the call and in any process."""
        return self._refused[0] != 0

    def look(self, workers: Iterable[Worker]) -> None:
        """Keep the counts of workers that have ended, and the port served. Call it often."""
        now = set(workers)
        for ended in self._workers - now:
            metrics.WORKER_ENDS.of(cause="told" if ended.leaving else "crashed").add()
        self._workers = now
        self._book.keep([each.page for each in now])
        self._port.keep_served()

    def close(self) -> None:
        self._port.close()


def _book(descriptor: str) -> Book:
    if descriptor:
        with suppress(OSError, ValueError):  # of another version: begin anew
            return Book.inherited(int(descriptor))
    return Book.new()


def _user(cfg: Any) -> dict[str, int]:
    """Return what Popen needs to run a process as the user of the workers."""
    if os.geteuid() != 0 or (cfg.uid, cfg.gid) == (0, 0):
        return {}
    return {"user": cfg.uid, "group": cfg.gid}
