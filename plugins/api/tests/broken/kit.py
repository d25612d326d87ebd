"""The kit, as the author of the toy runs it."""

from contextlib import contextmanager
from dataclasses import replace

from toy import CUSTOMERS_SPEC, SPEC, Full, Vault

from sealring_plugin import (
    AccessDenied,
    ConfigInvalid,
    ContextMismatch,
    CustomersKey,
    DeadlineExceeded,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    Throttled,
    Unavailable,
    Unsupported,
    WrongRegion,
)
from sealring_plugin.conformance import ProviderConformance

FAILURES = (
    AccessDenied,
    ContextMismatch,
    CustomersKey,
    DeadlineExceeded,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    Throttled,
    Unavailable,
    Unsupported,
    WrongRegion,
)


class Kit(ProviderConformance):
    """The kit with the counts of a quick run."""

    spec = SPEC
    entry_point = "toy:SPEC"
    calls = 300
    openings = 10
    calls_per_thread = 20
    card_calls = 5
    deadline_s = 0.01
    made = Full

    @classmethod
    def setup_class(cls):
        cls.vault = Vault()

    def settings(self):
        return {"token": "hunter2-of-the-author"}

    def make_provider(self, folder):
        if self.vault.settings_fail:
            raise ConfigInvalid("the token is refused")
        return self.made(self.vault, "hunter2-of-the-author")

    def make_key(self, provider, name):
        return super().make_key(provider, name) if isinstance(provider, Full) else CustomersKey("toy", name, 1)

    def faults(self, provider, key):
        return {failure: self.failing(failure) for failure in FAILURES} | {ConfigInvalid: self.failing_settings()}

    @contextmanager
    def failing(self, failure):
        self.vault.failing = failure
        try:
            yield
        finally:
            self.vault.failing = None

    @contextmanager
    def failing_settings(self):
        self.vault.settings_fail = True
        try:
            yield
        finally:
            self.vault.settings_fail = False

    @contextmanager
    def another_organization(self, provider, key):
        self.vault.owners[key.key_id] = "org_kit"
        try:
            yield key
        finally:
            del self.vault.owners[key.key_id]

    @contextmanager
    def black_hole(self, folder):
        yield self.made(replace(self.vault, silent=True))

    def sessions(self, provider):
        return 0


class KitOfCustomers(Kit):
    """The kit for keys that exist already."""

    spec = CUSTOMERS_SPEC
    entry_point = "toy:CUSTOMERS_SPEC"
