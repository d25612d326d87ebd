"""The providers of customers' keys that are loaded: what they call themselves, and which keys they can take at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sealring.domain.binding import Pairs
from sealring.errors import InvalidBody
from sealring_plugin import ConfigInvalid, ConfigValue, KeyRef, ProviderSpec, parse_fields

EXTERNAL_ID = "external_id"  # an option that we set, and nobody else


@dataclass(frozen=True, slots=True)
class Loaded:
    """A provider, and its settings."""

    spec: ProviderSpec
    config: Mapping[str, ConfigValue]


class Catalog:
    """Knows the specs; calls no provider."""

    def __init__(self, loaded: Mapping[str, Loaded]) -> None:
        self._loaded = {name: each for name, each in loaded.items() if each.spec.bound_as}

    def event_name(self, provider: str) -> str:
        """Return what events call a provider, e.g. AWS_KMS."""
        loaded = self._loaded.get(provider)
        return loaded.spec.bound_as if loaded is not None else provider

    def principal(self, provider: str) -> str:
        """Return who we are to the provider's KMS, as the operator says; empty where not said."""
        return str(self._of(provider).config.get("principal", ""))

    def options(self, provider: str, given: Mapping[str, object], external_id: str) -> Pairs:
        """Return the checked options of a key. Raises InvalidBody."""
        loaded = self._of(provider)
        if EXTERNAL_ID in given:
            raise _refused("options", "external_id is made by sealring; leave it out.")
        try:
            parsed = parse_fields(loaded.spec.key_options, given, Path())
        except ConfigInvalid as error:
            raise _refused("options", f"{error}.") from error
        return tuple(sorted({**{name: str(value) for name, value in parsed.items()}, EXTERNAL_ID: external_id}.items()))

    def check_key(self, key: KeyRef) -> None:
        """Raises InvalidBody for a key that can never be right."""
        loaded = self._of(key.provider)
        if loaded.spec.check_key is None:
            return
        try:
            loaded.spec.check_key(loaded.config, key)
        except ConfigInvalid as error:
            raise _refused("key", f"{error}.") from error

    def _of(self, provider: str) -> Loaded:
        loaded = self._loaded.get(provider)
        if loaded is None:
            known = ", ".join(sorted(self._loaded)) or "none"
            raise _refused("provider", f"this server has no such provider of customers' keys; it has: {known}.")
        return loaded


def _refused(member: str, text: str) -> InvalidBody:
    return InvalidBody(f"{member}: {text}", ((member, text),))
