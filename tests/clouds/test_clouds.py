"""The conformance kit on real accounts: `make test-clouds`, with the variables of docs/byok.md set."""

import json
import os

import pytest

from sealring.providers import registry
from sealring_plugin import CustomersKey
from sealring_plugin.conformance import ProviderConformance

pytestmark = pytest.mark.clouds


class OnAccount(ProviderConformance):
    """Two keys of one account, and the settings and options that lead to them, as one JSON object in a variable."""

    calls, openings, threads, calls_per_thread, card_calls = 100, 5, 4, 10, 50  # each is a request that costs money
    deadline_s = 3.0

    @classmethod
    def setup_class(cls):
        cls.account = json.loads(os.environ[cls.variable()])

    @classmethod
    def variable(cls):
        return f"SEALRING_TEST_{cls.spec.name.upper()}"

    def settings(self):
        return self.account.get("settings", {})

    def make_key(self, provider, name):
        number = ("first", "second").index(name)
        options = {"external_id": "external-id-of-the-kit", **self.account.get("options", {})}
        return CustomersKey(self.spec.name, self.account["keys"][number], 1, options=tuple(sorted(options.items())))


def on_account(provider):
    """The promises of one provider; skipped where its variable is not set."""
    spec = registry.load([provider])[provider]
    made = type(f"Test{provider.capitalize()}", (OnAccount,), {"spec": spec, "__module__": __name__})
    missing = made.variable() not in os.environ
    return pytest.mark.skipif(missing, reason=f"{made.variable()} is not set")(made)


TestAwskms, TestGcpkms, TestAzurekv = map(on_account, ("awskms", "gcpkms", "azurekv"))
