"""4. The catalog: which providers can take a customer's key, and which keys and options each can take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from sealring.domain.binding import Pairs
from sealring.errors import InvalidBody, KeyMisconfigured
from sealring.providers.failures import translated
from sealring.providers.plugins import Loaded
from sealring_plugin import ConfigField, ConfigInvalid, CustomersKey, CustomersSpec, parse_fields

EXTERNAL_ID = "external_id"  # an option that only we set

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider of customers' keys, as a form shows it."""

    provider: str
    title: str
    key_example: str
    options: tuple[ConfigField, ...]

    @classmethod
    def of(cls, spec: CustomersSpec) -> Self:
        return cls(spec.name, spec.title or spec.name, spec.key_example, spec.key_options)


class Catalog:
    """Reads the specs; calls no provider."""

    def __init__(self, loaded: Mapping[str, Loaded[CustomersSpec]]) -> None:
        self._loaded = loaded

    def event_name(self, provider: str) -> str:
        """Return the name of a provider in events, e.g. AWS_KMS."""
        loaded = self._loaded.get(provider)
        return loaded.spec.bound_as if loaded is not None else provider

    def principal(self, provider: str) -> str:
        """Return our identity in the provider's KMS, from the setting `principal`; empty if it is not set."""
        return str(self._of(provider).config.get("principal", ""))

    def options(self, provider: str, given: Mapping[str, object], external_id: str) -> Pairs:
        """Return the checked options of a key. Raises InvalidBody."""
        loaded = self._of(provider)
        if EXTERNAL_ID in given:
            raise _refused("options", "sealring makes external_id; leave it out.")
        parsed = _asked("options", lambda: parse_fields(loaded.spec.key_options, given, Path()))
        return tuple(sorted({**{name: str(value) for name, value in parsed.items()}, EXTERNAL_ID: external_id}.items()))

    def offers(self) -> Sequence[Offer]:
        """Return what forms need of each provider, by title."""
        found = (Offer.of(loaded.spec) for loaded in self._loaded.values())
        return sorted(found, key=lambda offer: (offer.title, offer.provider))

    def offer(self, provider: str) -> Offer:
        """Raises InvalidBody."""
        return Offer.of(self._of(provider).spec)

    def read_key(self, provider: str, text: str) -> str:
        """Return the key id in a text as people copy it, or the text. Raises InvalidBody; KeyFailure if that fails."""
        read = self._of(provider).spec.read_key
        if read is None:
            return text.strip()
        found = translated(lambda: read(text))
        return found.strip() if isinstance(found, str) else text.strip()

    def check_key(self, key: CustomersKey) -> None:
        """Raises InvalidBody for a key that can never be valid; KeyFailure if the check itself fails."""
        loaded = self._of(key.provider)
        check = loaded.spec.check_key
        if check is not None:
            _asked("key", lambda: check(loaded.config, key))

    def _of(self, provider: str) -> Loaded[CustomersSpec]:
        loaded = self._loaded.get(provider)
        if loaded is None:
            known = ", ".join(sorted(self._loaded)) or "none"
            raise _refused("provider", f"this server has no such provider of customers' keys; it has: {known}.")
        return loaded


def _asked(member: str, question: Callable[[], T]) -> T:
    """Return the answer of a spec. Raises InvalidBody if it refuses; KeyFailure if it fails."""
    try:
        return translated(question)
    except KeyMisconfigured as failure:
        if isinstance(failure.__cause__, ConfigInvalid):
            raise _refused(member, f"{failure.__cause__}.") from failure
        raise


def _refused(member: str, text: str) -> InvalidBody:
    return InvalidBody(f"{member}: {text}", ((member, text),))
