"""The port of the metrics, as the master sees it: bound before anything starts, and served by a process of its own.

The process is started, not forked: it has nothing of the master's memory, so that what a stranger sends to this port
meets no secret, and it holds neither the master nor a worker up.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sealring.errors import SettingsInvalid
from sealring.observability.settings import Bind

BACKLOG = 16
RETRY_S = 1.0  # after a process that ended

_VARIABLES = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")  # nothing else of the environment


def listening(bind: Bind, port: int | None = None) -> socket.socket:
    """Return a listening socket, on another port if one is given. Raises SettingsInvalid."""
    try:
        (family, *_, address), *_ = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM)
        where = (str(address[0]), bind.port if port is None else port)
        return socket.create_server(where, family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsInvalid(
            f"[server] metrics_bind: cannot listen on {bind.host} port {bind.port} ({_why(error)})"
        ) from error


def _why(error: OSError) -> str | None:
    """Return the reason without the address, which Python adds to it."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else error.strerror


def check_address(bind: Bind) -> None:
    """Raises SettingsInvalid if this machine has no such address. A running server may have the port."""
    listening(bind, port=0).close()


class MetricsPort:
    """The listening socket and its process. Only for the master's thread."""

    def __init__(self, book: int, user: Mapping[str, Any]) -> None:
        """`user`: what Popen takes to run a process as the user of the workers."""
        self._book = book
        self._user = user
        self._bind: Bind | None = None
        self._listener: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    @property
    def legacy(self) -> str:
        """What a master that this one starts needs to go on: "" without a port."""
        if self._listener is None or self._bind is None:
            return ""
        self._listener.set_inheritable(True)
        return f"{self._listener.fileno()} {self._bind.port} {self._bind.host}"

    def inherit(self, legacy: str, bind: Bind | None) -> None:
        """Take the socket of the master that has started this one, if it is the one that the settings name."""
        descriptor, port, host = legacy.split(" ")
        listener = socket.socket(fileno=int(descriptor))
        listener.set_inheritable(False)
        if bind == Bind(host, int(port)):
            self._bind, self._listener = bind, listener
        else:
            listener.close()

    def check(self, bind: Bind | None) -> None:
        """Raises SettingsInvalid if `follow` would fail."""
        if bind is not None and bind != self._bind:
            listening(bind).close()

    def follow(self, bind: Bind | None) -> None:
        """Listen there, and not where it was before. Raises SettingsInvalid; then everything stays as it was."""
        if bind == self._bind:
            return
        listener = None if bind is None else listening(bind)
        self.close()
        self._bind, self._listener = bind, listener

    def keep_served(self) -> None:
        """Start the process if it is not there."""
        if self._listener is None or (self._process is not None and self._process.poll() is None):
            return
        if time.monotonic() < self._not_before:
            return
        self._not_before = time.monotonic() + RETRY_S
        descriptors = self._listener.fileno(), self._book
        with suppress(OSError):  # no memory or process now
            self._process = subprocess.Popen(  # noqa: S603  no shell, and our own arguments
                [sys.executable, "-P", "-m", "sealring.server.metrics_process", *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _VARIABLES if name in os.environ},
                pass_fds=descriptors,
                **self._user,
            )

    def forget(self) -> None:
        """Close the socket in a process that was forked: else it would stay open when the master closes it."""
        if self._listener is not None:
            self._listener.close()

    def close(self) -> None:
        """End the process and close the socket."""
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
        if self._listener is not None:
            self._listener.close()
        self._process = self._listener = self._bind = None
