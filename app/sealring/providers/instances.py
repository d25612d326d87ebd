"""3. Instances: the providers that plugins built in this process, replaced when they hang or break."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Condition, Lock, Thread
from typing import Generic, TypeVar

from sealring.errors import KeyDeadlineExceeded, KeyMisconfigured, PluginFault, SealringError
from sealring.providers.failures import translated
from sealring_plugin import CustomersKeys, ManagedKey, ManagedKeys

FAULTS_TO_REPLACE = 5  # in a row, of the plugin itself
STUCK_TO_REPLACE = 4  # calls that still run this long after their deadline:
STUCK_S = 1.0
CLOSED_AFTER_S = 60.0  # what runs then in a provider that was replaced will never return


P = TypeVar("P", ManagedKeys, CustomersKeys)


@dataclass(frozen=True, slots=True)
class Source(Generic[P]):
    """Where a provider comes from. `waits`: its calls may wait for something outside the process."""

    build: Callable[[], P]
    waits: bool = True
    max_wraps: int | None = None


@dataclass(frozen=True, slots=True)
class ManagedSource(Source[ManagedKeys]):
    """`check_key` raises ProviderError for a key that the settings do not name.

    `max_wraps`: how many wraps one version of a key may make; None: any number.
    """

    check_key: Callable[[ManagedKey], None] = lambda _: None
    max_wraps: int | None = None


class _Built(Generic[P]):
    """A provider, and the deadlines of the calls that are in it. Thread-safe."""

    def __init__(self, provider: P) -> None:
        self.provider: P = provider
        self._deadlines: list[float] = []
        self._changed = Condition()

    def enter(self, deadline: float) -> None:
        with self._changed:
            self._deadlines.append(deadline)

    def leave(self, deadline: float) -> None:
        with self._changed:
            self._deadlines.remove(deadline)
            self._changed.notify_all()

    def stuck(self) -> int:
        """Return how many calls should have returned."""
        with self._changed:
            return sum(deadline <= time.monotonic() - STUCK_S for deadline in self._deadlines)

    def close_when_idle(self) -> None:
        """Let the calls that are in it end, and close it; none may be made any more."""
        with self._changed:
            self._changed.wait_for(lambda: not self._deadlines, CLOSED_AFTER_S)
        self.close()

    def close(self) -> None:
        with suppress(Exception):  # it is on its way out, and may be what hangs or breaks
            self.provider.close()


class Providers(Generic[P]):
    """Holds one provider of each name, all of one kind. Thread-safe; never used before a fork.

    `absent` is what is said of a name that none of them has.
    """

    def __init__(self, sources: Mapping[str, Source[P]], absent: str) -> None:
        self._sources: Mapping[str, Source[P]] = sources
        self._absent = absent
        self._built: dict[str, _Built[P]] = {}
        self._faults: dict[str, int] = {}
        self._lock = Lock()
        self._building = {name: Lock() for name in sources}  # one that hangs while it is built holds up no other

    def waits(self, name: str) -> bool:
        """Whether calls of the provider may wait; no where there is none."""
        source = self._sources.get(name)
        return source is not None and source.waits

    def get(self, name: str) -> P:
        """Return the provider, built on first use; for calls that wait for nothing. Raises KeyFailure."""
        built = self._built.get(name)
        if built is not None:
            return built.provider
        with self.using(name) as provider:
            return provider

    @contextmanager
    def using(self, name: str, deadline: float = float("inf")) -> Iterator[P]:
        """Make a call of the provider, which stays open until it ends. Raises KeyFailure."""
        built = self._entered(name, deadline) or self._made(name, deadline)
        try:
            yield built.provider
        finally:
            built.leave(deadline)

    def judge(self, name: str, failure: SealringError | None) -> None:
        """Learn how a call went; None: well. One that breaks or hangs too often is replaced for the next call."""
        if isinstance(failure, PluginFault):
            self._broke(name)
        elif isinstance(failure, KeyDeadlineExceeded):
            self._hung(name)
        elif self._faults.get(name):
            self._faults[name] = 0

    def close(self) -> None:
        with self._lock:
            for built in self._built.values():
                built.close()
            self._built.clear()

    def _broke(self, name: str) -> None:
        with self._lock:
            self._faults[name] = self._faults.get(name, 0) + 1
            if self._faults[name] >= FAULTS_TO_REPLACE:
                self._replace(name)

    def _hung(self, name: str) -> None:
        with self._lock:
            built = self._built.get(name)
            if built is not None and built.stuck() >= STUCK_TO_REPLACE:
                self._replace(name)

    def _entered(self, name: str, deadline: float) -> _Built[P] | None:
        """Enter under the lock that replacing takes: what was replaced is never entered."""
        with self._lock:
            built = self._built.get(name)
            if built is not None:
                built.enter(deadline)
            return built

    def _made(self, name: str, deadline: float) -> _Built[P]:
        source = self._sources.get(name)
        if source is None:
            raise KeyMisconfigured(self._absent.format(name), "operator")
        with self._building[name]:
            built = self._entered(name, deadline)
            if built is None:
                built = _Built(translated(source.build))
                built.enter(deadline)
                with self._lock:
                    self._built[name] = built
            return built

    def _replace(self, name: str) -> None:
        self._faults[name] = 0
        dropped = self._built.pop(name, None)
        if dropped is not None:
            Thread(target=dropped.close_when_idle, name="close-provider", daemon=True).start()
