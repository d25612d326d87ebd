"""The local provider keeps the promises of a key provider."""

from sealring_local.spec import SPEC
from sealring_plugin.conformance import ProviderConformance


class TestLocal(ProviderConformance):
    spec = SPEC

    def settings(self):
        return {"root_key_file": "root.key"}
