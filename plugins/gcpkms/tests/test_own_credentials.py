"""Our own credentials may be of each kind that Google has, and are refused in the words of the operator."""

import json
import socket

import pytest
from fake_google.iam import OUR_ACCOUNT

from sealring_plugin import ConfigInvalid, Throttled, Unavailable

ACCOUNT = "sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com"
DEK = bytes(range(32))


@pytest.fixture
def work(key, context, call):
    def work(provider, key=key):
        return provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK

    return work


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
