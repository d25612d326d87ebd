import pytest

from connect.calls import Calls
from connect.kit import ORG, Vault
from sealring.domain.keyring_codec import Algorithm
from sealring.services.keyring_rules import KeyringRules


@pytest.fixture(scope="module", params=["bound", "compatible"])
def vault(request):
    algorithm = {"bound": Algorithm.AES_256_GCM_BOUND, "compatible": Algorithm.AES_256_GCM}[request.param]
    return Vault(keyring_rules=KeyringRules(algorithm=algorithm))


@pytest.fixture(scope="module", params=["proto", "json"])
def calls(request, vault):
    return Calls(vault, request.param)


@pytest.fixture
def ring(request):
    return f"{ORG}/{request.node.name}"[:200]
