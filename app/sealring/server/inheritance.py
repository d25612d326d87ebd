"""What a server's master reads, once, and its workers inherit by the fork: settings, pin, key files of issuers.

A worker reads none of it again. One that is started later, because another ended, begins with what the others run with,
whatever became of the files meanwhile; a reload takes new settings if they can be used, and otherwise nothing changes.

What providers keep in files (root keys, PINs, credentials) is the exception: each worker reads it when it builds the
provider, because the master holds no key. A worker that cannot is tried again, and those that serve go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from sealring.auth.key_sources import FileKeys, KeySource, key_sources
from sealring.domain.pin import Pin
from sealring.observability.logs import Log
from sealring.providers.plugins import Plugins
from sealring.server import wiring
from sealring.settings import Settings


@dataclass(frozen=True, slots=True)
class Inheritance:
    """Checked as far as it can be without the store and the providers, which belong to the workers."""

    settings: Settings
    plugins: Plugins
    pin: Pin
    key_sources: Mapping[str, KeySource] = field(repr=False)  # by issuer; no thread of theirs has begun
    reload_refused: Callable[[], bool]  # whether newer settings were refused, as it is now

    @classmethod
    def of(cls, settings: Settings, log: Log, reload_refused: Callable[[], bool] = lambda: False) -> Self:
        """Read what the settings name. Raises SettingsInvalid."""
        plugins, pin = wiring.load_plugins(settings), wiring.trust_files(settings).pin()
        sources = key_sources(settings.issuers, settings.run_folder, log)
        return cls(settings, plugins, pin, sources, reload_refused)

    def renew(self) -> None:
        """Look at the key files of issuers, as workers do, so that one that starts later has the last good keys too."""
        for source in self.key_sources.values():
            if isinstance(source, FileKeys):
                source.look()


_left: list[Inheritance] = []  # one, as soon as the master has read it


def leave(inheritance: Inheritance) -> None:
    """Let the workers that are forked from now on have this."""
    _left[:] = [inheritance]


def left() -> Inheritance:
    """Return what the master of this worker left to it."""
    (inheritance,) = _left
    return inheritance
