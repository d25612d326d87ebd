"""Each test has a Google of its own on loopback, with a key that lets in the account of one organization."""

import time
from dataclasses import replace

import pytest
from fake_google import Google

from sealring_gcpkms.spec import SPEC
from sealring_plugin import Call, CustomersKey, Purpose, WrapContext

KEY = "projects/acme-keys/locations/europe-west3/keyRings/sealring/cryptoKeys/secrets"
ACCOUNT = "sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com"
EXTERNAL_ID = "external-id-of-acme"


@pytest.fixture
def google(tmp_path):
    google = Google(tmp_path)
    google.iam.add(ACCOUNT)
    google.kms.add(KEY, {ACCOUNT})
    yield google
    google.close()


@pytest.fixture
def settings(google, tmp_path):
    google.key_file(tmp_path)
    return {
        "service_account": "sealring-{organization}@vault-prod.iam.gserviceaccount.com",
        "principal": "sealring@vault-prod.iam.gserviceaccount.com",
        "credentials_file": "our-account.json",
        "endpoint": google.origin,
        "iam_endpoint": google.origin,
        "allowed_hosts": f"127.0.0.1:{google.port}",
        "ca_file": "ca.pem",
    }


@pytest.fixture
def make_provider(settings, tmp_path):
    made = []

    def make(**changed):
        table = {name: value for name, value in {**settings, **changed}.items() if value is not None}
        made.append(SPEC.build(SPEC.parse_config(table, tmp_path)))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(make_provider):
    return make_provider()


@pytest.fixture
def key():
    return CustomersKey("gcpkms", KEY, 1, options=(("external_id", EXTERNAL_ID),))


@pytest.fixture
def with_options(key):
    def with_options(**options):
        return replace(key, options=tuple(sorted({"external_id": EXTERNAL_ID, **options}.items())))

    return with_options


@pytest.fixture
def call():
    return Call(time.monotonic() + 30, "req_01J8Z3K5N7", "org_acme", Purpose.ENCRYPT)


@pytest.fixture
def context():
    return WrapContext({"organization_id": "org_acme", "resource_type": "invoice"}, b"wrap aad of an envelope")
