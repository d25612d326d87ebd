"""What can never be right is refused before anything is called, in one line."""

import pytest

from sealring_gcpkms.spec import SPEC
from sealring_plugin import ConfigInvalid

LABEL = "vvwmhpalytvmiy4pfev7"
TEMPLATE = "sealring-{organization}@vault-prod.iam.gserviceaccount.com"


def config(folder, **settings):
    return SPEC.parse_config({"service_account": TEMPLATE, **settings}, folder)


@pytest.fixture
def check(with_options, tmp_path):
    def check(settings=None, **options):
        SPEC.check_key(config(tmp_path, **(settings or {})), with_options(**options))

    return check


def test_it_is_bound_as_a_key_of_google():
    assert SPEC.bound_as == "GCP_KMS"
    assert [option.name for option in SPEC.key_options] == ["service_account", "endpoint"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"endpoint": "https://cloudkms.googleapis.com"},
        {"endpoint": "https://cloudkms.europe-west3.rep.googleapis.com"},
        {"endpoint": "https://cloudkms-acme.p.googleapis.com:443"},
        {"service_account": f"vault-{LABEL}@acme-keys.iam.gserviceaccount.com"},
    ],
)
def test_a_key_that_can_be_right_is_taken(check, options):
    check(**options)


def test_a_host_that_the_operator_allows_is_taken(check):
    check({"allowed_hosts": "kms.internal.test:8443"}, endpoint="https://kms.internal.test:8443")


def test_http_is_for_loopback_hosts_that_the_operator_allows(check):
    check({"allowed_hosts": "localhost:8080"}, endpoint="http://localhost:8080")
    with pytest.raises(ConfigInvalid):
        check(endpoint="http://localhost:8080")
    with pytest.raises(ConfigInvalid):
        check({"allowed_hosts": "kms.internal.test:80"}, endpoint="http://kms.internal.test")


def test_a_port_that_there_is_not_is_refused(check):
    with pytest.raises(ConfigInvalid, match=r"^endpoint must be https://host or https://host:port"):
        check({"allowed_hosts": "kms.internal.test"}, endpoint="https://kms.internal.test:65536")


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.test",
        "https://cloudkms.googleapis.com.evil.test",
        "https://cloudkms.googleapis.com@evil.test",
        "https://evil.test/cloudkms.googleapis.com",
        "https://storage.googleapis.com",
        "https://iamcredentials.googleapis.com",
        "https://cloudkms.googleapis.com:8443",
        "https://cloudkms.googleapis.com/",
        "https://cloudkms.googleapis.com?x",
        "https://CLOUDKMS.googleapis.com",
        "http://cloudkms.googleapis.com",
        "cloudkms.googleapis.com",
        "https://127.0.0.1",
        "https://169.254.169.254",
        "https://[::1]",
        "https://metadata.google.internal",
        "ftp://cloudkms.googleapis.com",
    ],
)
def test_any_other_endpoint_is_refused(check, endpoint):
    with pytest.raises(ConfigInvalid) as refused:
        check(endpoint=endpoint)

    assert "\n" not in str(refused.value)


def test_an_endpoint_of_another_location_is_refused(check):
    with pytest.raises(ConfigInvalid, match="another location"):
        check(endpoint="https://cloudkms.us-east1.rep.googleapis.com")


def test_a_key_id_with_a_version_is_refused(key, tmp_path):
    wrong = type(key)("gcpkms", f"{key.key_id}/cryptoKeyVersions/1", 1, options=key.options)

    with pytest.raises(ConfigInvalid, match="names a version"):
        SPEC.check_key(config(tmp_path), wrong)


def test_the_account_of_another_organization_is_refused(check):
    with pytest.raises(ConfigInvalid, match=f"-{LABEL}"):
        check(service_account="sealring-b3wgopdgqpks26aeru2l@vault-prod.iam.gserviceaccount.com")


def test_a_binding_without_an_external_id_is_refused(check):
    with pytest.raises(ConfigInvalid, match="external_id"):
        check(external_id="")


def test_a_binding_needs_an_account_where_the_settings_have_none(key, with_options, tmp_path):
    bare = SPEC.parse_config({}, tmp_path)

    SPEC.check_key(bare, with_options(service_account=f"vault-{LABEL}@acme-keys.iam.gserviceaccount.com"))
    with pytest.raises(ConfigInvalid, match="neither the settings nor the binding"):
        SPEC.check_key(bare, key)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "sealring@vault-prod.iam.gserviceaccount.com",  # one account for all
        "sealring-{org}@vault-prod.iam.gserviceaccount.com",
        "sealring@{organization}.iam.gserviceaccount.com",
        "{organization}-{organization}@vault-prod.iam.gserviceaccount.com",
        "much-too-long-{organization}@vault-prod.iam.gserviceaccount.com",
        "sealring-{organization}@example.com",
        "{organization}@vault-prod.iam.gserviceaccount.com",  # an account begins with a letter
        "sealring-{organization}",
    ],
)
def test_a_template_that_gives_no_account_of_ones_own_is_refused(template, tmp_path):
    with pytest.raises(ConfigInvalid, match="service_account"):
        SPEC.build(config(tmp_path, service_account=template))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("endpoint", "https://evil.test"),
        ("endpoint", "https://storage.googleapis.com"),
        ("iam_endpoint", "https://evil.test"),
        ("iam_endpoint", "iamcredentials.googleapis.com"),
        ("allowed_hosts", "https://host"),
        ("ca_file", "no-such-file.pem"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(setting, value, tmp_path):
    with pytest.raises(ConfigInvalid):
        SPEC.build(config(tmp_path, **{setting: value}))
