"""The example keeps the promises of a provider that seals the root."""

from sealring_example.kms import TOKEN, Kms
from sealring_example.seal_spec import SEAL
from sealring_plugin.conformance import SealConformance


class TestExampleSeal(SealConformance):
    spec = SEAL

    @classmethod
    def setup_class(cls):
        cls.kms = Kms(keys=("first", "second"))
        cls.kms.start()

    @classmethod
    def teardown_class(cls):
        cls.kms.stop()

    def settings(self):
        return {"key": "first", "endpoint": self.kms.endpoint, "token": TOKEN}

    def another_key(self, folder):
        return SEAL.build({**self.settings(), "key": "second"})
