"""One Azure for the session, and fixtures of what is wanted most."""

import time

import pytest
from azure_certificates import Certificates
from azure_fake import VAULT, Azure
from entra_fake import CLIENT_ID, SECRET, TENANT

from sealring_azurekv.spec import SPEC
from sealring_plugin import Call, CustomersKey, Purpose, WrapContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def azure(certificates):
    azure = Azure(certificates.app, certificates.server_files)
    azure.start()
    yield azure
    azure.stop()


@pytest.fixture(scope="session")
def secret_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("secret") / "secret"
    path.touch(0o600)
    path.write_text(SECRET)
    return path


@pytest.fixture
def settings(azure, certificates, secret_file):
    """With a secret, since OpenSSL checks the key of a certificate for 40 ms whenever it is read."""
    return {
        "client_id": CLIENT_ID,
        "client_secret_file": str(secret_file),
        "authority": azure.url,
        "allowed_hosts": azure.host,
        "ca_file": str(certificates.ca_file),
    }


@pytest.fixture
def make_provider(settings, tmp_path):
    made = []

    def make(**changes):
        table = {name: value for name, value in {**settings, **changes}.items() if value is not None}
        made.append(SPEC.build(SPEC.parse_config(table, tmp_path)))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(make_provider, azure):
    made = make_provider()
    azure.seen.clear()
    azure.log.clear()
    return made


@pytest.fixture
def make_key(azure):
    def make(name="first", vault=VAULT, **options):
        given = {"tenant_id": TENANT, "endpoint": azure.url, "external_id": "external-1", **options}
        return CustomersKey("azurekv", f"{vault}/keys/{name}", 1, options=tuple(sorted(given.items())))

    return make


@pytest.fixture
def key(make_key):
    return make_key()


@pytest.fixture
def context():
    return WrapContext({"organization_id": "org_acme", "digest": "d1"}, b"aad")


@pytest.fixture
def call():
    return Call(time.monotonic() + 20, "request-1", "org_acme", Purpose.ENCRYPT)
