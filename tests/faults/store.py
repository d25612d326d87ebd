"""A Valkey whose process may be killed, and started again on the same data."""

import os
import signal
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

import redis

from sealring.operator.embedded import EmbeddedValkey
from support.waiting import pause


class MortalStore:
    """One socket and one data directory, from `with` to its end. Use it from one thread, which outlives the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def start(self) -> None:
        valkey = self._running.enter_context(EmbeddedValkey(self._folder))
        self.url = valkey.url
        with closing(self.client()) as client:
            self._pid = client.info("server")["process_id"]

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        """It gets no chance to finish anything; `start` brings it back."""
        os.kill(self._pid, signal.SIGKILL)
        self._running.close()

    def pause(self, seconds: float) -> None:
        os.kill(self._pid, signal.SIGSTOP)
        pause(seconds)
        os.kill(self._pid, signal.SIGCONT)

    def hang_up(self) -> None:
        """Drop the connections of all clients."""
        with closing(self.client()) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
