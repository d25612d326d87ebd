"""The example keeps the promises of a key provider."""

from contextlib import contextmanager

from sealring_example.errors import CODES
from sealring_example.kms import TOKEN, Kms
from sealring_example.spec import SPEC
from sealring_plugin import CustomersKey
from sealring_plugin.conformance import ProviderConformance, silent_endpoint


class TestExample(ProviderConformance):
    spec = SPEC

    @classmethod
    def setup_class(cls):
        cls.kms = Kms(keys=("first", "second"))
        cls.kms.start()

    @classmethod
    def teardown_class(cls):
        cls.kms.stop()

    def settings(self):
        return {"endpoint": self.kms.endpoint, "token": TOKEN}

    def make_key(self, provider, name):
        return CustomersKey("example", name, 1)

    # From here on it is about what the kit cannot provoke by itself.

    def faults(self, provider, key):
        return {failure: self.kms.failing(code) for code, failure in CODES.items()}

    @contextmanager
    def another_organization(self, provider, key):
        self.kms.owners[key.key_id] = "org_kit"
        try:
            yield key
        finally:
            del self.kms.owners[key.key_id]

    @contextmanager
    def black_hole(self, folder):
        with silent_endpoint() as (host, port):
            yield SPEC.build({"endpoint": f"http://{host}:{port}", "token": TOKEN})
