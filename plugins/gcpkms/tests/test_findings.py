"""Validation finds what is wrong with a key, by a stable code, and says what its owner has to do."""

from dataclasses import replace

import pytest
from fake_google import DISABLED

from sealring_plugin import Severity, Throttled, Unavailable

KEY = "projects/acme-keys/locations/europe-west3/keyRings/sealring/cryptoKeys/secrets"
ACCOUNT = "sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com"
OWNERS = "vault-vvwmhpalytvmiy4pfev7@acme-keys.iam.gserviceaccount.com"
OURSELVES = "sealring@vault-prod.iam.gserviceaccount.com"
LABEL = "vvwmhpalytvmiy4pfev7"
USE_TO_DECRYPT = "cloudkms.cryptoKeyVersions.useToDecrypt"


@pytest.fixture
def kms_key(google):
    key = google.kms.keys[KEY]
    key.labels["vault-org"] = LABEL
    return key


@pytest.fixture
def found(kms_key, provider, key, call):
    def found(key=key):
        return {finding.code: finding.severity for finding in provider.validate(key, call)}

    return found


ERROR, WARNING = Severity.ERROR, Severity.WARNING


def test_a_key_as_it_should_be_has_no_findings(found):
    assert found() == {}


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ("cloudkms.cryptoKeys.get", {"describe_denied": WARNING}),
        ("cloudkms.cryptoKeyVersions.useToEncrypt", {"wrap_denied": ERROR}),
        ("cloudkms.cryptoKeyVersions.useToDecrypt", {"unwrap_denied": ERROR}),
    ],
)
def test_each_access_that_is_missing_has_its_own_code(found, kms_key, permission, expected):
    kms_key.policy[permission].clear()

    assert found() == expected


def test_an_advice_names_the_account_that_lacks_the_access(kms_key, provider, key, call):
    kms_key.policy.clear()

    findings = provider.validate(key, call)

    assert [finding.code for finding in findings] == ["describe_denied", "wrap_denied"]
    assert all(ACCOUNT in finding.advice for finding in findings)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (DISABLED, "key_disabled"),
        ("DESTROY_SCHEDULED", "key_pending_deletion"),
        ("DESTROYED", "key_destroyed"),
    ],
)
@pytest.mark.parametrize("described", [True, False])
def test_the_state_of_the_key_is_found_once(found, kms_key, state, code, described):
    kms_key.versions[1].state = state
    if not described:
        kms_key.policy["cloudkms.cryptoKeys.get"].clear()

    expected = {} if described else {"describe_denied": WARNING}
    assert found() == {**expected, code: ERROR}


def test_it_says_when_a_version_will_be_destroyed(kms_key, provider, key, call):
    kms_key.destroy(1)

    (finding,) = provider.validate(key, call)

    assert finding.message == "The primary version will be destroyed on 2030-01-31T12:00:00Z: version 1."


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"purpose": "ASYMMETRIC_DECRYPT"}, {"wrong_purpose": ERROR}),
        ({"primary": None}, {"no_primary_version": ERROR, "key_disabled": ERROR}),
        ({"more": {}}, {"rotation_off": WARNING}),
        ({"labels": {}}, {"label_missing": WARNING}),
        ({"labels": {"vault-org": "b3wgopdgqpks26aeru2l"}}, {"label_of_another_organization": ERROR}),
        ({"protection": "EXTERNAL"}, {"external_key": WARNING}),
    ],
)
def test_what_the_description_shows_is_found(found, kms_key, change, expected):
    for name, value in change.items():
        setattr(kms_key, name, value)

    assert found() == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"destroyScheduledDuration": "86400s"}, {"deletion_window_short": WARNING}),
        ({"destroyScheduledDuration": "604799.5s"}, {"deletion_window_short": WARNING}),
        ({"destroyScheduledDuration": "604800s"}, {}),
        ({"importOnly": True}, {"imported_material": WARNING}),
        ({"versionTemplate": {"algorithm": "AES_256_GCM"}}, {}),  # the primary version's own counts
    ],
)
def test_what_the_description_says_beside_is_found(found, kms_key, more, expected):
    kms_key.more.update(more)

    assert found() == expected


def test_another_algorithm_is_found(google, found):
    def of_another_algorithm(answer):
        if "primary" in answer:
            answer["primary"]["algorithm"] = "AES_256_GCM"
        return answer

    with google.altering(of_another_algorithm):
        assert found() == {"wrong_algorithm": ERROR}


def test_a_missing_key_is_found(google, found, key):
    google.kms.project_members.add(ACCOUNT)

    assert found(replace(key, key_id=f"{KEY}-not")) == {"key_not_found": ERROR}


def test_a_grant_that_lets_us_do_more_is_found(found, kms_key):
    kms_key.policy["cloudkms.cryptoKeys.setIamPolicy"] = {ACCOUNT}

    assert found() == {"grant_too_broad": WARNING}


def test_a_grant_that_lets_in_more_than_the_organizations_account_is_an_error(google, found, kms_key):
    kms_key.policy[USE_TO_DECRYPT].add(OURSELVES)

    assert found() == {"grant_not_bound_to_organization": ERROR}
    assert google.calls(":testIamPermissions")[-1].account == OURSELVES


def test_an_endpoint_of_the_binding_does_not_hide_such_a_grant_and_sees_no_token_of_ours(
    google, make_provider, kms_key, with_options, call
):
    kms_key.policy[USE_TO_DECRYPT].add(OURSELVES)
    theirs = f"localhost:{google.port}"
    provider = make_provider(allowed_hosts=f"127.0.0.1:{google.port}, {theirs}")

    findings = provider.validate(with_options(endpoint=f"https://{theirs}"), call)

    assert [finding.code for finding in findings] == ["grant_not_bound_to_organization"]
    asked = {(each.host, each.account) for each in google.calls("/cryptoKeys/")}
    assert asked == {(theirs, ACCOUNT), (f"127.0.0.1:{google.port}", OURSELVES)}


def test_a_kms_that_opens_in_any_context_is_found(google, found, monkeypatch):
    true, kept = google.kms.call, {}

    def careless(name, verb, body, caller):
        """Decrypts with the AAD of the encryption, whatever it is told."""
        aad = {field: value for field, value in body.items() if field.startswith("additional")}
        if verb == "encrypt":
            kept.update(aad)
        return true(name, verb, {**body, **kept} if verb == "decrypt" else body, caller)

    monkeypatch.setattr(google.kms, "call", careless)

    assert found() == {"context_not_bound": ERROR}


def test_an_account_that_we_cannot_become_is_found(google, found, provider, key, with_options, call):
    google.iam.token_creators.clear()

    for each in (key, with_options(service_account=OWNERS)):
        assert found(each) == {"identity_denied": ERROR}
    (of_ours,) = provider.validate(key, call)
    (of_the_owner,) = provider.validate(with_options(service_account=OWNERS), call)
    assert ACCOUNT in of_ours.advice
    assert of_ours.advice.startswith("Tell the operator.")
    assert "operator" not in of_the_owner.advice


def test_an_endpoint_of_another_location_is_found(found, with_options):
    assert found(with_options(endpoint="https://cloudkms.us-east1.rep.googleapis.com")) == {"wrong_region": ERROR}


def test_a_binding_that_can_never_be_right_is_found(found, with_options):
    assert found(with_options(endpoint="https://evil.test")) == {"configuration": ERROR}


@pytest.mark.parametrize(("status", "failure"), [("UNAVAILABLE", Unavailable), ("RESOURCE_EXHAUSTED", Throttled)])
@pytest.mark.parametrize("on", [":encrypt", ":decrypt", ":testIamPermissions", "/secrets", ":generateAccessToken"])
def test_what_passes_by_itself_is_no_finding(google, found, status, failure, on):
    with google.refusing(status, on), pytest.raises(failure):
        found()


def test_own_credentials_that_fail_are_not_the_accounts_fault(google, found):
    with google.saying(400, {"error": "invalid_grant"}, "/token"):
        assert found() == {"configuration": ERROR}
