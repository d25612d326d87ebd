"""The seal of the root by Google Cloud KMS, with our own credentials."""

import pytest
from fake_google import DISABLED, Google

from sealring_gcpkms.seal_spec import SEAL
from sealring_plugin import AccessDenied, ConfigInvalid, KeyDisabled
from sealring_plugin.conformance import SealConformance

RING = "projects/vault-prod/locations/europe-west3/keyRings/sealring/cryptoKeys"
US = "sealring@vault-prod.iam.gserviceaccount.com"
SECRET, AAD = bytes(range(32)), b"aad"


def table_of(google, file, key="first"):
    return {
        "key": f"{RING}/{key}",
        "credentials_file": str(file),
        "endpoint": google.origin,
        "allowed_hosts": f"127.0.0.1:{google.port}",
        "ca_file": str(google.authority.file),
    }


class TestGcpSeal(SealConformance):
    spec = SEAL

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _google(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("google")
        google = Google(folder)
        for key in ("first", "second"):
            google.kms.add(f"{RING}/{key}", {US})
        cls.google, cls.file = google, google.key_file(folder)
        yield
        google.close()

    def settings(self):
        return table_of(self.google, self.file)

    def another_key(self, folder):
        return SEAL.build(SEAL.parse_config(table_of(self.google, self.file, "second"), folder))


@pytest.fixture
def seal(google, tmp_path):
    google.kms.add(f"{RING}/first", {US})
    made = SEAL.build(SEAL.parse_config(table_of(google, google.key_file(tmp_path)), tmp_path))
    yield made
    made.close()


def test_a_disabled_key_opens_nothing(seal, google, call):
    sealed = seal.seal(SECRET, AAD, call)
    google.kms.keys[f"{RING}/first"].versions[1].state = DISABLED

    with pytest.raises(KeyDisabled):
        seal.open(sealed, AAD, call)


def test_a_key_that_does_not_let_us_in_opens_nothing(seal, google, call):
    sealed = seal.seal(SECRET, AAD, call)
    google.kms.add(f"{RING}/first", {"somebody@vault-prod.iam.gserviceaccount.com"})

    with pytest.raises(AccessDenied):
        seal.open(sealed, AAD, call)


@pytest.mark.parametrize("key", ["first", "", f"{RING}/first/cryptoKeyVersions/1"])
def test_a_key_that_is_not_named_in_full_is_refused(tmp_path, key):
    with pytest.raises(ConfigInvalid):
        SEAL.build(SEAL.parse_config({"key": key}, tmp_path))


def test_a_regional_endpoint_of_another_location_is_refused(tmp_path):
    table = {"key": f"{RING}/first", "endpoint": "https://cloudkms.us-east1.rep.googleapis.com"}

    with pytest.raises(ConfigInvalid, match="another location"):
        SEAL.build(SEAL.parse_config(table, tmp_path))


def test_settings_of_customers_keys_are_none_of_a_seal():
    assert {field.name for field in SEAL.config} & {"service_account", "principal", "iam_endpoint"} == set()
