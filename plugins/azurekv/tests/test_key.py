"""What a key id and the options of a binding may be."""

import re

import pytest
from entra_fake import CLIENT_ID, TENANT

from sealring_azurekv.spec import SPEC
from sealring_plugin import ConfigInvalid, CustomersKey

KEY = "https://acme.vault.azure.net/keys/payroll"


@pytest.fixture
def check(tmp_path):
    def check(key_id=KEY, *, settings=(), **options):
        table = {"client_id": CLIENT_ID, "client_secret_file": "secret", **dict(settings)}
        given = {"tenant_id": TENANT, "external_id": "external-1", **options}
        key = CustomersKey("azurekv", key_id, 1, options=tuple(sorted(given.items())))
        SPEC.check_key(SPEC.parse_config(table, tmp_path), key)

    return check


@pytest.mark.parametrize(
    "key_id",
    [
        KEY,
        "https://a-1.vault.azure.net/keys/K",
        f"https://acme.vault.azure.net/keys/{'k' * 127}",
        "https://acme.managedhsm.azure.net/keys/payroll-2",
    ],
)
def test_a_key_of_a_vault_or_a_managed_hsm_is_taken(check, key_id):
    check(key_id)


@pytest.mark.parametrize(
    "key_id",
    [
        "",
        "payroll",
        "http://acme.vault.azure.net/keys/payroll",
        "https://vault.azure.net/keys/payroll",
        "https://ab.vault.azure.net/keys/payroll",
        f"https://{'a' * 25}.vault.azure.net/keys/payroll",
        "https://-acme.vault.azure.net/keys/payroll",
        "https://acme--x.vault.azure.net/keys/payroll",
        "https://Acme.vault.azure.net/keys/payroll",
        "https://acme.x.vault.azure.net/keys/payroll",
        "https://acme.vault.azure.net.evil.example/keys/payroll",
        "https://evil.example/acme.vault.azure.net/keys/payroll",
        "https://acme.vault.azure.com/keys/payroll",
        "https://user@acme.vault.azure.net/keys/payroll",
        "https://acme.vault.azure.net:443/keys/payroll",
        "https://acme.vault.azure.net/secrets/payroll",
        "https://acme.vault.azure.net/keys/",
        "https://acme.vault.azure.net/keys/pay_roll",
        "https://acme.vault.azure.net/keys/pay%2froll",
        "https://acme.vault.azure.net/keys/..",
        f"https://acme.vault.azure.net/keys/{'k' * 128}",
        KEY + "?api-version=7.4",
        KEY + "#",
        KEY + "\n",
        " " + KEY,
        "https://169.254.169.254/keys/payroll",
        "https://localhost/keys/payroll",
    ],
)
def test_what_is_no_key_of_a_vault_is_refused(check, key_id):
    with pytest.raises(ConfigInvalid, match="the key id must be https"):
        check(key_id)


@pytest.mark.parametrize("version", ["78deebed173b48e48f55abf87ed4cf71", "", "x/y"])
def test_a_version_is_refused(check, version):
    with pytest.raises(ConfigInvalid, match="the key id must name no version"):
        check(f"{KEY}/{version}")


@pytest.mark.parametrize(
    ("cloud", "vault", "hsm"),
    [
        ("usgov", "vault.usgovcloudapi.net", "managedhsm.usgovcloudapi.net"),
        ("china", "vault.azure.cn", "managedhsm.azure.cn"),
    ],
)
def test_a_sovereign_cloud_has_domains_of_its_own(check, cloud, vault, hsm):
    check(f"https://acme.{vault}/keys/payroll", settings={"cloud": cloud})
    check(f"https://acme.{hsm}/keys/payroll", settings={"cloud": cloud})
    with pytest.raises(ConfigInvalid, match=vault):
        check(KEY, settings={"cloud": cloud})
    with pytest.raises(ConfigInvalid, match=re.escape("vault.azure.net")):
        check(f"https://acme.{vault}/keys/payroll")


@pytest.mark.parametrize("tenant", ["", "common", "acme.onmicrosoft.com", TENANT.upper(), f"{TENANT}/..", TENANT[:-1]])
def test_a_tenant_is_a_uuid(check, tenant):
    with pytest.raises(ConfigInvalid, match="tenant_id must be the UUID"):
        check(tenant_id=tenant)


def test_a_binding_without_an_external_id_is_refused(check):
    with pytest.raises(ConfigInvalid, match="no external_id"):
        check(external_id="")


def test_a_private_endpoint_is_one_that_the_operator_allows(check):
    check(endpoint="https://kv.internal:8443", settings={"allowed_hosts": "kv.internal:8443"})
    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        check(endpoint="https://kv.internal:8444", settings={"allowed_hosts": "kv.internal:8443"})
    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        check(endpoint="https://kv.internal:8443")


def test_an_endpoint_is_a_host_without_a_path(check):
    with pytest.raises(ConfigInvalid, match="endpoint must be https"):
        check(endpoint="https://kv.internal/", settings={"allowed_hosts": "kv.internal"})


def test_http_is_for_a_loopback_host_that_is_allowed(check):
    check(endpoint="http://localhost:8080", settings={"allowed_hosts": "localhost:8080"})
    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        check(endpoint="http://localhost:8080")
    with pytest.raises(ConfigInvalid, match="http:// is only for localhost"):
        check(endpoint="http://kv.internal", settings={"allowed_hosts": "kv.internal"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"client_id": "app"}, "^client_id must be"),
        ({"cloud": "mars"}, "^cloud must be public | usgov | china"),
        ({"authority": "login"}, "^authority must be"),
        ({"allowed_hosts": "https://kv.internal"}, "^allowed_hosts must be"),
        (
            {"certificate_file": "app.pem"},
            "^exactly one is needed of certificate_file, client_secret_file, assertion_f",
        ),
    ],
)
def test_settings_that_cannot_be_right_are_refused(check, settings, message):
    with pytest.raises(ConfigInvalid, match=message):
        check(settings=settings)
