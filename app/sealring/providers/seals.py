"""The seals of the settings: the only caller of providers that seal the root.

A provider is built for one call and closed after it: what remains of it would be a key that opens the root.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from sealring.errors import PluginFault
from sealring.providers import registry, results
from sealring.providers.call_threads import CallThreads, Overdue
from sealring.providers.failures import overdue, settled, translated
from sealring.providers.plugins import Config, checked_config, of_kind
from sealring_plugin import MAX_WRAPPED_BYTES, Call, Purpose, SealSpec, SealsRoot

DEADLINE_S = 10.0  # of one call; opening a token and fetching credentials take longer than a call of a request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal of the settings: `[seal.<name>]`, with its provider and the provider's settings."""

    name: str
    spec: SealSpec
    config: Config = field(repr=False)  # it may hold secrets
    until: float = float("inf")  # time.monotonic(); no call takes longer

    @classmethod
    def of(cls, name: str, provider: str, table: Mapping[str, object], base: Path) -> Self:
        """Load the provider. Raises SettingsInvalid."""
        place = f"[seal.{name}]"
        spec = registry.load_seal(provider, place)
        return cls(name, spec, settled(place, lambda: checked_config(spec.parse_config(table, base))))

    @property
    def provider(self) -> str:
        return self.spec.name

    def initialise(self) -> str | None:
        """Let the provider make its key if it can; return its line that says what it did. Raises SettingsInvalid."""
        make = self.spec.initialise
        return None if make is None else settled(f"[seal.{self.name}]", lambda: of_kind(str, make(self.config)))

    def seal(self, secret: bytearray, aad: bytes) -> bytes:
        """Return the secret (32 bytes) in sealed form. Raises KeyFailure."""
        return self._called(lambda found, call: _sealed(found.seal(secret, aad, call)))

    def open(self, sealed: bytes, aad: bytes) -> bytearray:
        """Return the secret. Raises KeyFailure; IntegrityFailure if this seal's key did not seal it with this `aad`."""
        return self._called(lambda found, call: results.unwrapped(found.open(sealed, aad, call)))

    def _called(self, ask: Callable[[SealsRoot, Call], T]) -> T:
        call = Call(min(time.monotonic() + DEADLINE_S, self.until), "root", "", Purpose.STORE)

        def run() -> T:
            with self._built() as found:
                return translated(lambda: ask(found, call), "operator")

        try:
            return CallThreads().start(run).result(call.deadline)
        except Overdue:
            raise overdue() from None

    @contextmanager
    def _built(self) -> Iterator[SealsRoot]:
        found = translated(lambda: of_kind(SealsRoot, self.spec.build(self.config)), "operator")  # type: ignore[type-abstract]
        try:
            yield found
        finally:
            with suppress(Exception):  # it is no longer used
                found.close()


def _sealed(result: object) -> bytes:
    if not isinstance(result, bytes) or not 1 <= len(result) <= MAX_WRAPPED_BYTES:
        raise PluginFault("a malformed sealed key")
    return result
