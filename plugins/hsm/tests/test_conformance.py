"""The hsm provider keeps the promises of a key provider, on a SoftHSM token that `initialise` makes for each test."""

import pytest

from sealring_hsm import softhsm
from sealring_hsm.spec import SPEC
from sealring_plugin.conformance import ProviderConformance

MODULE = softhsm.find_module()
pytestmark = pytest.mark.skipif(MODULE is None, reason="SoftHSM2 is not installed")


class TestHsm(ProviderConformance):
    spec = SPEC

    def settings(self):
        return {"module": str(MODULE), "pin_file": "hsm/pin", "conf_file": "hsm/softhsm2.conf"}
