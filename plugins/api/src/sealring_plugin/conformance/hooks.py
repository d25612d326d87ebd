"""What an author of a plugin fills in."""

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
    """A class of tests has no state but class attributes: pytest makes a new object for each test.

    What has to run before the first provider is made (a token, a fake KMS) belongs in a `setup_class` class method.
    """

    spec: ClassVar[ManagedSpec | CustomersSpec]

    entry_point: ClassVar[str] = ""
    """Where the spec is, e.g. "sealring_example.spec:SPEC". Empty: as the installed distribution says."""

    light_imports: ClassVar[frozenset[str]] = frozenset()
    """Packages of others that importing the spec may import: small ones. An SDK is never one of them."""

    deterministic: ClassVar[str] = ""
    """Why two wraps of one DEK are equal, where they are, e.g. "AES-KW (RFC 3394) has no nonce". Goes to the report."""

    principal: ClassVar[str] = "sealring-conformance-kit"
    """Who we are to the KMS, in its own notation; for `explain_setup`."""

    deadline_s: ClassVar[float] = 1.0
    """How long a call into the black hole may take, and how late after it the answer may come."""
    slack_s: ClassVar[float] = 0.5

    calls: ClassVar[int] = 10_000
    """Calls of the search for leaks, how often a provider is opened for it, and what its memory may grow by."""
    openings: ClassVar[int] = 20
    growth_bytes: ClassVar[int] = 8 * 1024 * 1024

    threads: ClassVar[int] = 8
    calls_per_thread: ClassVar[int] = 100
    card_calls: ClassVar[int] = 500

    def settings(self) -> Mapping[str, object]:
        """Return the provider's settings, as a settings file would have them."""
        return {}

    def make_provider(self, folder: Path) -> Provider:
        """Build a provider. `folder` is where the settings file would be: what is kept there, the next one finds."""
        config = self.spec.parse_config(self.settings(), folder)
        if isinstance(self.spec, ManagedSpec) and self.spec.initialise is not None:
            self.spec.initialise(config)
        return self.spec.build(config)

    def make_key(self, provider: Provider, name: str) -> Key:
        """Return a key that can be used: another key for another name.

        The names are "first" and "second"; a provider that destroys keys is asked for "destroyed" too.
        """
        if not isinstance(provider, ManagedKeys):
            raise NotImplementedError("this provider does not make keys: override make_key and return keys that exist")
        return created_by(provider, name)

    def faults(self, provider: Provider, key: Key) -> Faults:  # noqa: ARG002
        """Return, for each failure that can be provoked, a context manager in which it happens to calls under `key`.

        It may give another key to use instead, e.g. for KeyNotFound. In that of ConfigInvalid, `make_provider` fails.
        """
        return {}

    def another_organization(self, provider: Provider, key: Key) -> AbstractContextManager[Key] | None:
        """Return a context manager that gives the key as another organization would bind it: it must be kept out.

        It has that one's `external_id`, say, or it is the same where the KMS looks at the context: the kit uses it with
        the `organization_id` "org_other", and the key itself with "org_kit". What the KMS needs for that, e.g. the
        policy of the key, holds inside of it. A provider that makes its keys is given one with another scope.
        """
        if isinstance(provider, ManagedKeys):
            return nullcontext(replace(key, scope=OTHER_SCOPE))
        return None

    def black_hole(self, folder: Path) -> AbstractContextManager[Provider] | None:  # noqa: ARG002
        """Return a context manager that gives a provider whose endpoint never answers."""
        return None

    def sessions(self, provider: Provider) -> int | None:  # noqa: ARG002
        """Return how many sessions or connections the provider has open at the KMS, where that can be known."""
        return None

    def secrets(self) -> tuple[str, ...]:
        """Return texts that must never be shown, beside the settings that are marked as secret."""
        return ()
