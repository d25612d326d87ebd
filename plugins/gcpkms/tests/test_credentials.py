"""Each organization's keys are used as its own account, which we become from credentials of our own."""

import json
import socket
from dataclasses import replace

import pytest
from fake_google.iam import CLOUD_KMS, OUR_ACCOUNT

from sealring_plugin import AccessDenied, ConfigInvalid, Throttled, Unavailable

KEY = "projects/acme-keys/locations/europe-west3/keyRings/sealring/cryptoKeys/secrets"
ACCOUNT = "sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com"
GLOBEX = "sealring-b3wgopdgqpks26aeru2l@vault-prod.iam.gserviceaccount.com"
OWNERS = "vault-vvwmhpalytvmiy4pfev7@acme-keys.iam.gserviceaccount.com"
DEK = bytes(range(32))


@pytest.fixture
def work(key, context, call):
    def work(provider, key=key):
        return provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK

    return work


def test_a_token_is_made_once_and_used_many_times(google, provider, work):
    for _ in range(3):
        assert work(provider)

    assert google.iam.made == [ACCOUNT]
    assert len(google.calls("/token")) == 1


def test_a_token_is_good_for_cloud_kms_alone(google, provider, work):
    work(provider)

    (asked,) = google.calls(":generateAccessToken")
    assert json.loads(asked.body) == {"scope": [CLOUD_KMS], "lifetime": "3600s"}
    scopes = {grant.account: grant.scopes for grant in google.iam.tokens.values()}
    assert scopes[ACCOUNT] == {"https://www.googleapis.com/auth/cloudkms"}


def test_another_organization_that_binds_the_same_key_is_another_account_and_denied(google, provider, key, work):
    google.iam.add(GLOBEX)

    with pytest.raises(AccessDenied):
        work(provider, replace(key, options=(("external_id", "external-id-of-globex"),)))

    assert google.iam.made == [GLOBEX]
    assert google.calls("/cryptoKeys/")[0].account == GLOBEX


def test_each_organization_has_a_token_of_its_own(google, provider, key, work):
    google.iam.add(GLOBEX)
    google.kms.add(f"{KEY}-of-globex", {GLOBEX})
    globex = replace(key, key_id=f"{KEY}-of-globex", options=(("external_id", "external-id-of-globex"),))

    for each in (key, globex, key, globex):
        assert work(provider, each)

    assert google.iam.made == [ACCOUNT, GLOBEX]
    assert [each.account for each in google.calls("/cryptoKeys/")] == [ACCOUNT, ACCOUNT, GLOBEX, GLOBEX] * 2


def test_an_account_of_the_owners_is_used_where_the_binding_names_one(google, provider, with_options, work):
    google.iam.add(OWNERS)
    google.kms.keys[KEY].policy["cloudkms.cryptoKeyVersions.useToEncrypt"] = {OWNERS}
    google.kms.keys[KEY].policy["cloudkms.cryptoKeyVersions.useToDecrypt"] = {OWNERS}

    assert work(provider, with_options(service_account=OWNERS))

    assert google.iam.made == [OWNERS]


def test_an_owner_who_takes_the_account_back_denies(google, provider, with_options, work):
    google.iam.add(OWNERS, creators=())

    with pytest.raises(AccessDenied):
        work(provider, with_options(service_account=OWNERS))


def test_an_account_of_ours_that_is_missing_is_the_operators_trouble(google, provider, work):
    google.iam.token_creators.clear()

    with pytest.raises(ConfigInvalid):
        work(provider)


def test_a_token_that_ended_early_is_made_anew_by_the_next_call(google, provider, work):
    work(provider)
    google.iam.revoke()

    with pytest.raises(Unavailable):
        work(provider)
    with pytest.raises(Unavailable):
        work(provider)  # our own had ended as well
    assert work(provider)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        {},
        {"accessToken": "t"},
        {"expireTime": "2030-01-01T00:00:00Z"},
        {"accessToken": "t", "expireTime": "soon"},
        {"accessToken": "t", "expireTime": "2020-01-01T00:00:00Z"},
        {"accessToken": "", "expireTime": "2099-01-01T00:00:00Z"},
        {"accessToken": 7, "expireTime": "2099-01-01T00:00:00Z"},
        {"accessToken": "t\r\nx: y", "expireTime": "2099-01-01T00:00:00Z"},
    ],
)
def test_an_answer_without_a_token_is_unavailable(google, provider, work, body):
    with google.saying(200, body, ":generateAccessToken"), pytest.raises(Unavailable):
        work(provider)


# --- our own credentials


@pytest.fixture
def credentials(make_provider, tmp_path):
    """A provider whose own credentials are these."""

    def credentials(document, mode=0o600):
        path = tmp_path / "credentials.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        path.chmod(mode)
        return make_provider(credentials_file=str(path))

    return credentials


def external_account(google, tmp_path):
    """Of a Kubernetes cluster: https://google.aip.dev/auth/4117."""
    (tmp_path / "cluster-token").write_text("token-of-the-cluster")
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{google.origin}/v1/token",
        "credential_source": {"file": str(tmp_path / "cluster-token")},
    }


def test_our_identity_may_be_one_of_a_workload_identity_pool(google, credentials, work, tmp_path):
    google.iam.add(ACCOUNT, creators=["principal://pool/sealring"])

    assert work(credentials(external_account(google, tmp_path)))


def test_a_file_that_says_only_where_a_token_is_may_be_open_to_others(google, credentials, work, tmp_path):
    google.iam.add(ACCOUNT, creators=["principal://pool/sealring"])

    assert work(credentials(external_account(google, tmp_path), mode=0o644))


def test_a_federation_with_a_secret_of_its_own_is_private(google, credentials, work, tmp_path):
    with pytest.raises(ConfigInvalid, match="is open to others; run: chmod 600"):
        work(credentials({**external_account(google, tmp_path), "client_secret": "secret"}, mode=0o644))


def test_our_identity_may_be_a_developers(credentials, work, monkeypatch):
    """Whose tokens come from one place alone, whatever the file says."""
    user = {"type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": "1//refresh"}
    provider = credentials({**user, "token_uri": "https://127.0.0.1:9/token"})
    monkeypatch.setattr(socket, "getaddrinfo", unresolved)

    with pytest.raises(Unavailable, match=r"oauth2\.googleapis\.com cannot be resolved"):
        work(provider)


def unresolved(*_names, **_options):
    raise socket.gaierror


def test_the_file_of_the_environment_is_taken_where_the_settings_name_none(make_provider, work, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "our-account.json"))

    assert work(make_provider(credentials_file=None))


def test_the_file_of_gcloud_is_taken_where_nothing_names_one(make_provider, work, tmp_path, monkeypatch):
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    (tmp_path / "our-account.json").rename(tmp_path / "application_default_credentials.json")

    assert work(make_provider(credentials_file=None))


@pytest.fixture
def on_a_machine_of_googles(google, tmp_path, monkeypatch):
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "nothing"))
    monkeypatch.setenv("GCE_METADATA_HOST", google.metadata_host)


@pytest.mark.usefixtures("on_a_machine_of_googles")
def test_our_identity_may_be_that_of_the_machine(google, make_provider, work):
    assert work(make_provider(credentials_file=None))

    (asked,) = google.calls("/computeMetadata/")
    assert asked.path.endswith("/default/token?scopes=https://www.googleapis.com/auth/cloud-platform")
    assert OUR_ACCOUNT in {grant.account for grant in google.iam.tokens.values()}


@pytest.mark.usefixtures("on_a_machine_of_googles")
@pytest.mark.parametrize(
    ("status", "headers", "failure"),
    [
        (404, {"Metadata_Flavor": "Google"}, ConfigInvalid),  # the machine has no service account
        (200, {}, ConfigInvalid),  # not Google's
        (503, {"Metadata_Flavor": "Google"}, Unavailable),
        (429, {"Metadata_Flavor": "Google"}, Throttled),
    ],
)
def test_a_machine_that_gives_no_identity_says_whose_trouble_it_is(
    google, make_provider, work, status, headers, failure
):
    body = {"access_token": "t", "expires_in": 3600}

    with google.saying(status, body, "/computeMetadata/", **headers), pytest.raises(failure):
        work(make_provider(credentials_file=None))


SAID = [{"expires_in": "3599"}, {"expires_in": "3599.0"}, {"expires_in": 3599.5}, {"expires_in": 10**400}, {}]


@pytest.mark.usefixtures("on_a_machine_of_googles")
@pytest.mark.parametrize("said", SAID)
def test_a_machine_may_say_the_life_of_a_token_as_it_likes(google, make_provider, work, said):
    provider, google.iam.said = make_provider(credentials_file=None), said

    assert work(provider)
    assert work(provider)
    assert len(google.calls("/computeMetadata/")) == 1


@pytest.mark.parametrize("said", SAID)
def test_a_server_of_tokens_may_say_their_life_as_it_likes(google, credentials, tmp_path, work, said):
    google.iam.add(ACCOUNT, creators=["principal://pool/sealring"])
    provider, google.iam.said = credentials(external_account(google, tmp_path)), said

    assert work(provider)
    assert work(provider)
    assert len(google.calls("/v1/token")) == 1


@pytest.mark.usefixtures("on_a_machine_of_googles")
@pytest.mark.parametrize("expires_in", [0, -1, True, "soon", [3599], float("nan")])
def test_a_machine_that_gives_a_token_of_no_life_gives_none(google, make_provider, work, expires_in):
    provider, google.iam.said = make_provider(credentials_file=None), {"expires_in": expires_in}

    with pytest.raises(Unavailable, match="an invalid lifetime"):
        work(provider)


@pytest.mark.parametrize("expires_in", [0, "soon", [3599]])
def test_a_server_that_gives_a_token_of_no_life_gives_none(google, credentials, tmp_path, work, expires_in):
    provider, google.iam.said = credentials(external_account(google, tmp_path)), {"expires_in": expires_in}

    with pytest.raises(Unavailable, match="an invalid lifetime"):
        work(provider)


@pytest.mark.usefixtures("on_a_machine_of_googles")
@pytest.mark.parametrize("said", ["http://169.254.169.254", "169.254.169.254:http", "[fd20:ce::254]", "a host", ""])
def test_a_metadata_host_that_is_none_is_told_to_the_operator(make_provider, work, monkeypatch, said):
    monkeypatch.setenv("GCE_METADATA_HOST", said)

    with pytest.raises(ConfigInvalid, match=r"^GCE_METADATA_HOST must be a host, or host:port$"):
        work(make_provider(credentials_file=None))


@pytest.mark.usefixtures("on_a_machine_of_googles")
def test_without_any_credentials_we_say_so(make_provider, work, monkeypatch):
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:9")

    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 cannot be reached"):
        work(make_provider(credentials_file=None))


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        {"type": "service_account"},
        {"type": "service_account", "client_email": "a@b", "token_uri": "x", "private_key": "no key"},
        {"type": "external_account", "credential_source": {"executable": {"command": "/bin/true"}}},
        {"type": "external_account", "credential_source": 7},
        {"type": "authorized_user"},
        {"type": "impersonated_service_account"},
    ],
)
def test_credentials_that_cannot_be_used_are_config_invalid(credentials, work, document):
    with pytest.raises(ConfigInvalid):
        work(credentials(document))


def test_a_file_that_is_missing_is_config_invalid(make_provider, work):
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        work(make_provider(credentials_file="missing.json"))


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (400, {"error": "invalid_grant", "error_description": "of whom"}, ConfigInvalid),
        (401, {"error": "invalid_client"}, ConfigInvalid),
        (403, b"<html>", ConfigInvalid),
        (408, b"", Unavailable),
        (429, b"", Throttled),
        (500, {"error": "internal_failure"}, Unavailable),
        (200, b"", ConfigInvalid),
        (200, {}, ConfigInvalid),
        (200, [], ConfigInvalid),
    ],
)
def test_a_refusal_of_our_own_credentials_is_told_by_its_class(google, provider, work, status, body, failure):
    with google.saying(status, body, "/token"), pytest.raises(failure) as raised:
        work(provider)

    assert type(raised.value) is failure
    assert "of whom" not in str(raised.value)
    assert len(google.calls("/token")) == 1
