"""The hooks that the author of a plugin fills in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from sealring_plugin.conformance.cases import OTHER_SCOPE, Key, Provider, created_by
from sealring_plugin.errors import ProviderError
from sealring_plugin.protocols import ManagedKeys
from sealring_plugin.spec import CustomersSpec, ManagedSpec

Faults = Mapping[type[ProviderError], AbstractContextManager[Key | None]]


class Hooks:
    """The hooks and limits of a class of tests. It has no state, since pytest makes a new object for each test.

    Start what the first provider needs (a token, a fake KMS) in a `setup_class` class method.
    """

    spec: ClassVar[ManagedSpec | CustomersSpec]

    entry_point: ClassVar[str] = ""
    """The place of the spec, e.g. "sealring_example.spec:SPEC". Empty: the one of the installed distribution."""

    light_imports: ClassVar[frozenset[str]] = frozenset()
    """Small third-party packages that the import of the spec may import. An SDK is never allowed."""

    deterministic: ClassVar[str] = ""
    """If two wraps of one DEK are equal: why, e.g. "AES-KW (RFC 3394) has no nonce". It goes to the report."""

    principal: ClassVar[str] = "sealring-conformance-kit"
    """Our identity at the KMS, in its notation; for `explain_setup`."""

    deadline_s: ClassVar[float] = 1.0
    """The deadline of a call to `black_hole`, and by how much the failure may be late."""
    slack_s: ClassVar[float] = 0.5

    calls: ClassVar[int] = 10_000
    """For the search for leaks: calls, openings of a provider, and the most growth of memory."""
    openings: ClassVar[int] = 20
    growth_bytes: ClassVar[int] = 8 * 1024 * 1024

    threads: ClassVar[int] = 8
    calls_per_thread: ClassVar[int] = 100
    card_calls: ClassVar[int] = 500

    def settings(self) -> Mapping[str, object]:
        """Return the provider's settings, as a settings file would have them."""
        return {}

    def make_provider(self, folder: Path) -> Provider:
        """Build a provider. `folder` stands for the folder of the settings file; its files stay for later providers."""
        config = self.spec.parse_config(self.settings(), folder)
        if isinstance(self.spec, ManagedSpec) and self.spec.initialise is not None:
            self.spec.initialise(config)
        return self.spec.build(config)

    def make_key(self, provider: Provider, name: str) -> Key:
        """Return a key that can be used, and another key for each name.

        The names are "first" and "second", and also "destroyed" if the provider DestroysKeys.
        """
        if not isinstance(provider, ManagedKeys):
            raise NotImplementedError("this provider does not make keys: override make_key and return keys that exist")
        return created_by(provider, name)

    def faults(self, provider: Provider, key: Key) -> Faults:  # noqa: ARG002
        """Return a context manager for each failure that can be provoked: inside it, calls under `key` fail so.

        It may return another key to use instead, e.g. for KeyNotFound. Inside ConfigInvalid's, `make_provider` fails.
        """
        return {}

    def another_organization(self, provider: Provider, key: Key) -> AbstractContextManager[Key] | None:
        """Return a context manager that gives the key as another organization would bind it; its use must fail.

        For example, the key has the `external_id` of the other organization. It is the same key if the KMS checks the
        context: the kit uses it with the `organization_id` "org_other", and `key` with "org_kit". The context manager
        also sets up what the KMS needs, e.g. the policy of the key. By default, managed keys get another scope.
        """
        if isinstance(provider, ManagedKeys):
            return nullcontext(replace(key, scope=OTHER_SCOPE))
        return None

    def black_hole(self, folder: Path) -> AbstractContextManager[Provider] | None:  # noqa: ARG002
        """Return a context manager that gives a provider with an endpoint that never responds."""
        return None

    def sessions(self, provider: Provider) -> int | None:  # noqa: ARG002
        """Return how many sessions or connections the provider has open at the KMS, or None if that is not known."""
        return None

    def secrets(self) -> tuple[str, ...]:
        """Return texts that must never be shown, in addition to the settings that are marked as secret."""
        return ()
