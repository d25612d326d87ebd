"""The seal of the root by Azure, with a key of each kind."""

import pytest
from azure_fake import HSM, VAULT
from entra_fake import CLIENT_ID, TENANT

from sealring_azurekv.seal_spec import SEAL
from sealring_plugin import CiphertextRejected, ConfigInvalid, KeyDisabled
from sealring_plugin.conformance import SealConformance

SECRET, AAD = bytes(range(32)), b"aad"


class Kit(SealConformance):
    spec = SEAL

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _azure(cls, azure, certificates, secret_file):
        cls.azure = azure
        cls.table = {
            "tenant_id": TENANT,
            "endpoint": azure.url,
            "client_id": CLIENT_ID,
            "client_secret_file": str(secret_file),
            "authority": azure.url,
            "allowed_hosts": azure.host,
            "ca_file": str(certificates.ca_file),
        }

    def settings(self):
        return {"key": f"{self.vault}/keys/{self.first}", **self.table}

    def another_key(self, folder):
        return SEAL.build(SEAL.parse_config({"key": f"{self.vault}/keys/{self.second}", **self.table}, folder))


class TestSealByRsa(Kit):
    vault, first, second = VAULT, "first", "second"


class TestSealByRsaOfAnHsm(Kit):
    vault, first, second = HSM, "rsa", "other"


class TestSealByAes(Kit):
    vault, first, second = HSM, "aes", "other"


@pytest.fixture
def table(settings, azure):
    return {**settings, "key": f"{VAULT}/keys/first", "tenant_id": TENANT, "endpoint": azure.url}


@pytest.fixture
def seal(table, tmp_path):
    made = SEAL.build(SEAL.parse_config(table, tmp_path))
    yield made
    made.close()


def test_a_seal_that_names_another_key_is_rejected_before_any_call(seal, azure, call):
    sealed = seal.seal(SECRET, AAD, call)
    azure.seen.clear()

    with pytest.raises(CiphertextRejected):
        seal.open(b"\x02" + sealed[1:], AAD, call)
    assert azure.seen == []


def test_a_disabled_key_opens_nothing(seal, azure, call):
    sealed = seal.seal(SECRET, AAD, call)

    with azure.disabled((VAULT, "first")), pytest.raises(KeyDisabled):
        seal.open(sealed, AAD, call)


@pytest.mark.parametrize(
    "change",
    [
        {"key": f"{VAULT}/keys/first/0123"},
        {"key": "https://vault.example.com/keys/first"},
        {"tenant_id": "contoso"},
        {"endpoint": "https://vault.example.com"},
    ],
)
def test_what_can_never_be_right_is_refused(table, tmp_path, change):
    with pytest.raises(ConfigInvalid):
        SEAL.build(SEAL.parse_config({**table, **change}, tmp_path))


def test_the_name_for_the_setup_guide_is_none_of_a_seal():
    assert "principal" not in {field.name for field in SEAL.config}
