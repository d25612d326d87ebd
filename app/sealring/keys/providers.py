"""Providers in this process: built when first used, and replaced when they hang or break."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread

from sealring.errors import KeyMisconfigured
from sealring.keys.failures import translated
from sealring_plugin import Provider

FAULTS_TO_REPLACE = 5  # in a row, of the plugin itself
STUCK_TO_REPLACE = 4  # calls that did not return in time


@dataclass(frozen=True, slots=True)
class Source:
    """Where a provider comes from. `waits`: its calls may wait for something outside the process.

    `max_wraps`: how many wraps one version of its keys may make.
    """

    build: Callable[[], Provider]
    waits: bool = True
    max_wraps: int | None = None


class Providers:
    """Holds one provider of each name. Thread-safe; never used before a fork."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._built: dict[str, Provider] = {}
        self._bad: dict[str, int] = {}
        self._lock = Lock()

    def waits(self, name: str) -> bool:
        return self._source(name).waits

    def max_wraps(self, name: str) -> int | None:
        return self._source(name).max_wraps

    def get(self, name: str) -> Provider:
        """Return the provider, built on first use. Raises KeyFailure."""
        found = self._built.get(name)
        if found is not None:
            return found
        source = self._source(name)
        with self._lock:
            if name not in self._built:
                self._built[name] = translated(source.build)
            return self._built[name]

    def went_well(self, name: str) -> None:
        if self._bad.get(name):
            self._bad[name] = 0

    def went_badly(self, name: str, *, limit: int) -> None:
        """Count a fault or a stuck call; after `limit` of them in a row the next call gets a new provider."""
        with self._lock:
            self._bad[name] = self._bad.get(name, 0) + 1
            if self._bad[name] < limit:
                return
            self._bad[name] = 0
            dropped = self._built.pop(name, None)
        if dropped is not None:
            Thread(target=_close, args=(dropped,), name="close-provider", daemon=True).start()

    def close(self) -> None:
        with self._lock:
            for provider in self._built.values():
                _close(provider)
            self._built.clear()

    def _source(self, name: str) -> Source:
        source = self._sources.get(name)
        if source is None:
            raise KeyMisconfigured(f"No plugin is loaded for the key provider '{name}'. Tell the operator.")
        return source


def _close(provider: Provider) -> None:
    with suppress(Exception):  # it is on its way out, and may be what hangs or breaks
        provider.close()
