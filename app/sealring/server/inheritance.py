"""Settings, pin and key files of issuers, which the master reads once and workers inherit by the fork.

A worker does not read them again: one that starts later, because another ended, uses the same settings as the others,
even if the files have changed. A reload takes new settings if they can be used, and changes nothing otherwise.

Files of providers (root keys, PINs, credentials) are the exception: each worker reads them when it builds the provider,
because the master has no keys. If a worker cannot read them, the master retries, and the serving workers continue.
Sealed root keys are opened once, and inherited: a KMS that is away later does not prevent the start of a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from sealring.archive.opened import check_installed
from sealring.auth.key_sources import FileKeys, KeySource, key_sources
from sealring.auth.token_reviews import check_review_files
from sealring.domain.pin import Pin
from sealring.observability import traces
from sealring.observability.logs import Log
from sealring.portal.look import Theme
from sealring.providers.plugins import Plugins
from sealring.server import wiring
from sealring.server.unsealing import Unsealing
from sealring.settings import Settings

_AT_START = Unsealing()


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What workers inherit, checked as far as possible without the store and the providers, which only workers open."""

    settings: Settings
    plugins: Plugins = field(repr=False)  # with the root keys, if they were sealed
    pin: Pin
    key_sources: Mapping[str, KeySource] = field(repr=False)  # by issuer; their threads have not started
    reload_refused: Callable[[], bool]  # whether the last reload was refused, at the time of the call
    theme: Theme | None = field(default=None, repr=False)  # of the portal, with its logo; None: there are no pages

    @classmethod
    def of(
        cls,
        settings: Settings,
        log: Log,
        reload_refused: Callable[[], bool] = lambda: False,
        unsealing: Unsealing = _AT_START,
    ) -> Self:
        """Read the files that the settings name, and open sealed root keys. Raises SettingsInvalid."""
        pin = wiring.trust_files(settings).pin()
        plugins = unsealing.with_root(settings, wiring.load_plugins(settings), log)
        sources = key_sources(settings.issuers, settings.run_folder, log)
        check_review_files(settings.issuers)
        if settings.observability.traces is not None:
            traces.check_installed()
        if settings.bucket is not None:
            check_installed()
        theme = None if settings.portal is None else Theme.of(settings.portal.look)
        return cls(settings, plugins, pin, sources, reload_refused, theme)

    def renew(self) -> None:
        """Read changed key files of issuers, as workers do, so that a later worker also has the last good keys."""
        for source in self.key_sources.values():
            if isinstance(source, FileKeys):
                source.look()


_left: list[Inheritance] = []  # at most one; empty until the master has read it


def leave(inheritance: Inheritance) -> None:
    """Give this to workers that are forked from now on."""
    _left[:] = [inheritance]


def left() -> Inheritance:
    """Return what this worker inherited from its master."""
    (inheritance,) = _left
    return inheritance
