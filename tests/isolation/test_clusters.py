"""Pods of a cluster at a real server: each reaches the organizations of its rule, and nothing else."""

from dataclasses import dataclass
from urllib.parse import quote_plus

import pytest

from isolation.acme import Organization
from sealring import settings
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from support.api_server import ISSUER, ApiServer, account_token, key_set
from support.live import running
from support.waiting import becomes_true

OTHER_ISSUER = "https://another-cluster.example"

PROFILES = """
[[issuers]]
kind = "kubernetes"
issuer = "{issuer}"
jwks_url = "{api.jwks_url}"
ca_file = "{api.authority.file}"
token_file = "{api.token_file}"
algorithms = ["RS256"]
audience = "sealring"
environment_id = "{environment}"
permissions = ["vault:objects:read", "vault:objects:create", "vault:objects:list"]

[[issuers.rules]]
sub = "system:serviceaccount:shop:billing"
organizations = ["org_acme"]
permissions = ["vault:objects:read", "vault:objects:create"]

[[issuers.rules]]
sub = "system:serviceaccount:beta-*:*"
organizations = ["org_beta"]
permissions = ["vault:objects:read", "vault:objects:create", "vault:objects:list"]

[[issuers.rules]]
sub = "system:serviceaccount:*:external-secrets"
organizations = ["org_shared"]
permissions = ["vault:objects:read"]

[issuers.token_review]
url = "{api.url}"
ca_file = "{api.authority.file}"
token_file = "{api.token_file}"

[[issuers]]
kind = "kubernetes"
issuer = "{other_issuer}"
jwks_file = "other.jwks"
algorithms = ["RS256"]
audience = "sealring"
environment_id = "{environment}"
permissions = ["vault:objects:read"]

[[issuers.rules]]
sub = "system:serviceaccount:shop:billing"
organizations = ["org_other_cluster"]
permissions = ["vault:objects:read"]
"""


@dataclass
class Scene:
    live: object
    api: ApiServer

    def ask(self, method, path, token, body=None):
        return self.live.ask(method, path, token=token, body=body)

    def value(self, org, name, token, query=""):
        path = f"/sealring/v1/kv/value?organization_id={org}&name={quote_plus(name)}{query}"
        return self.ask("GET", path, token)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A server that trusts two clusters, with an object `secret` in each of four organizations."""
    folder = tmp_path_factory.mktemp("clusters")
    (folder / "api").mkdir()
    with pytest.MonkeyPatch.context() as patched, ApiServer(folder / "api").running() as api:
        patched.setenv("no_proxy", "*")
        with EmbeddedValkey(folder / "store") as store:
            etc = folder / "etc"
            list(installation.create_files(etc, store.url, "local"))
            path = etc / installation.SETTINGS_FILE
            (environment,) = settings.load(path).environments
            (etc / "other.jwks").write_text(str(key_set(2)).replace("'", '"'))
            added = PROFILES.format(issuer=ISSUER, other_issuer=OTHER_ISSUER, api=api, environment=environment)
            path.write_text(path.read_text() + added)
            wiring.initialise_store(settings.load(path), 1)
            with running(path, folder / "server.log", None, 2, 8) as live:
                for org in ("org_acme", "org_beta", "org_shared", "org_other_cluster"):
                    Organization(live, org, live.token(org)).object(name="secret", value=f"of {org}")
                yield Scene(live, api)


@pytest.fixture
def api(scene):
    yield scene.api
    scene.api.gone.clear()
    scene.api.status = 201


def test_a_pod_reads_what_its_organization_has(scene):
    answer = scene.value("org_acme", "secret", account_token())

    assert (answer.status, answer.json["value"]) == (200, "of org_acme")


def test_a_pod_writes_as_its_service_account(scene):
    body = {"name": "written", "value": "v", "key_context": {"organization_id": "org_acme"}}

    made = scene.ask("POST", "/vault/v1/kv", account_token(), body)

    subject = "system:serviceaccount:shop:billing"
    assert made.status == 201
    assert made.json["updated_by"] == {"id": subject, "name": subject}


ACCOUNTS = {
    "billing": ("shop", "billing", "org_acme"),
    "beta": ("beta-1", "worker", "org_beta"),
    "eso": ("shop", "external-secrets", "org_shared"),
    "beta's eso, by the first rule": ("beta-1", "external-secrets", "org_beta"),
}


@pytest.mark.parametrize(("namespace", "name", "own"), ACCOUNTS.values(), ids=ACCOUNTS)
@pytest.mark.parametrize("org", ["org_acme", "org_beta", "org_shared", "org_other_cluster", "org_never_was"])
@pytest.mark.parametrize("secret", ["secret", "never was"])
def test_a_rule_for_one_organization_reaches_no_other(scene, namespace, name, own, org, secret):
    answer = scene.value(org, secret, account_token(namespace, name))

    expected = 403 if org != own else 200 if secret == "secret" else 404
    assert answer.status == expected


def test_a_pod_has_the_permissions_of_its_rule_only(scene):
    assert scene.ask("GET", "/vault/v1/kv", account_token()).status == 403
    assert scene.ask("GET", "/vault/v1/kv", account_token("beta-1", "worker")).status == 200
    body = {"name": "x", "value": "v", "key_context": {"organization_id": "org_shared"}}
    assert scene.ask("POST", "/vault/v1/kv", account_token("shop", "external-secrets"), body).status == 403


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("shop", "other"),
        ("beta", "worker"),
        ("xbeta-1", "worker"),
        ("shop2", "billing"),
        ("default", "default"),
    ],
)
def test_a_pod_without_a_rule_may_do_nothing(scene, namespace, name):
    for org in ("org_acme", "org_beta", "org_shared"):
        assert scene.value(org, "secret", account_token(namespace, name)).status == 403


@pytest.mark.parametrize(
    "subject",
    [
        "system:serviceaccount:beta-1:x:external-secrets",
        "system:serviceaccount:beta-\n:worker",
        "system:serviceaccount:beta-1:wörker",
        "system:serviceaccount:beta-1:",
        "system:serviceaccount:*:*",
        "system:serviceaccount:beta-*:*",
        "system:node:beta-1:worker",
        "kubernetes-admin",
    ],
)
def test_a_subject_with_odd_bytes_reaches_nothing(scene, subject):
    for org in ("org_acme", "org_beta", "org_shared"):
        assert scene.value(org, "secret", account_token(sub=subject)).status in {401, 403}


def test_the_same_account_of_another_cluster_is_somebody_else(scene):
    theirs = account_token(key=2, iss=OTHER_ISSUER)

    assert scene.value("org_other_cluster", "secret", theirs).json["value"] == "of org_other_cluster"
    assert scene.value("org_acme", "secret", theirs).status == 403
    assert scene.value("org_other_cluster", "secret", account_token()).status == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"audience": ISSUER},
        {"iss": OTHER_ISSUER},
        {"iss": "https://kubernetes.default.svc"},
        {"lifetime_s": 3_601},
        {"lifetime_s": 360_000_000},
        {"key": 2},
        {"key": 2, "kid": "key-1"},
        {"nbf": 4_000_000_000},
        {"typ": "at+jwt"},
    ],
)
def test_a_token_that_is_not_for_us_opens_nothing(scene, wrong):
    answer = scene.value("org_acme", "secret", account_token(**wrong))

    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


def test_a_pod_that_is_deleted_is_refused_ten_seconds_later(scene, api):
    token = account_token()
    assert scene.value("org_acme", "secret", token).status == 200

    api.gone.add(token)

    assert becomes_true(lambda: scene.value("org_acme", "secret", token).status == 401, 15)


def test_without_an_answer_of_the_cluster_its_tokens_are_503_and_no_others(scene, api):
    api.status = 500

    refused = scene.value("org_acme", "secret", account_token())

    assert (refused.status, refused.json["code"]) == (503, "issuer_unavailable")
    assert refused.headers["Retry-After"] == "1"
    theirs = account_token(key=2, iss=OTHER_ISSUER)
    assert scene.value("org_other_cluster", "secret", theirs).status == 200
    assert scene.value("org_acme", "secret", scene.live.token("org_acme")).status == 200
    api.status = 201
    assert becomes_true(lambda: {scene.value("org_acme", "secret", account_token()).status for _ in range(20)} == {200})
