"""4. The catalog: which providers can take a customer's key, and which keys and options each can take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from sealring.domain.binding import Pairs
from sealring.errors import InvalidBody, KeyMisconfigured
from sealring.providers.failures import translated
from sealring.providers.plugins import Loaded
from sealring_plugin import ConfigInvalid, CustomersKey, CustomersSpec, parse_fields

EXTERNAL_ID = "external_id"  # an option that we set, and nobody else

T = TypeVar("T")


class Catalog:
    """Knows the specs; calls no provider."""

    def __init__(self, loaded: Mapping[str, Loaded[CustomersSpec]]) -> None:
        self._loaded = loaded

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
        parsed = _asked("options", lambda: parse_fields(loaded.spec.key_options, given, Path()))
        return tuple(sorted({**{name: str(value) for name, value in parsed.items()}, EXTERNAL_ID: external_id}.items()))

    def check_key(self, key: CustomersKey) -> None:
        """Raises InvalidBody for a key that can never be right; KeyFailure where that cannot be told."""
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
    """Return what a spec answers. Raises InvalidBody where it says no; KeyFailure where it fails."""
    try:
        return translated(question)
    except KeyMisconfigured as failure:
        if isinstance(failure.__cause__, ConfigInvalid):
            raise _refused(member, f"{failure.__cause__}.") from failure
        raise


def _refused(member: str, text: str) -> InvalidBody:
    return InvalidBody(f"{member}: {text}", ((member, text),))
