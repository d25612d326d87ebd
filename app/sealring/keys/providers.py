"""Providers in this process: built when first used, and replaced when they hang or break."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Generic, TypeVar

from sealring.errors import KeyMisconfigured
from sealring.keys.failures import translated
from sealring_plugin import CustomersKeys, ManagedKey, ManagedKeys

FAULTS_TO_REPLACE = 5  # in a row, of the plugin itself
STUCK_TO_REPLACE = 4  # calls that did not return in time


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


class Providers(Generic[P]):
    """Holds one provider of each name, all of one kind. Thread-safe; never used before a fork.

    `absent` is what is said of a name that none of them has.
    """

    def __init__(self, sources: Mapping[str, Source[P]], absent: str) -> None:
        self._sources: Mapping[str, Source[P]] = sources
        self._absent = absent
        self._built: dict[str, P] = {}
        self._bad: dict[str, int] = {}
        self._lock = Lock()

    def waits(self, name: str) -> bool:
        return self._source(name).waits

    def get(self, name: str) -> P:
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

    def _source(self, name: str) -> Source[P]:
        source = self._sources.get(name)
        if source is None:
            raise KeyMisconfigured(self._absent.format(name), "operator")
        return source


def _close(provider: ManagedKeys | CustomersKeys) -> None:
    with suppress(Exception):  # it is on its way out, and may be what hangs or breaks
        provider.close()
