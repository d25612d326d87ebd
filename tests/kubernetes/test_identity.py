"""Service accounts of a real cluster reach a real server, each exactly what the rules say."""

import time

import jwt
import pytest

from chart.rendering import NAMESPACE, case, render
from kubernetes.cluster import Cluster, new_signing_key
from sealring import settings
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from support.live import running
from support.waiting import becomes_true

OURS = ("--audience", "sealring", "--duration", "600s")
SHOP = "shop"

PROFILE = """
[[issuers]]
kind = "kubernetes"
issuer = "{url}"
jwks_url = "{url}/openid/v1/jwks"
ca_file = "{ca}"
token_file = "{token}"
algorithms = ["RS256"]
audience = "sealring"
environment_id = "environment_01J8Z3K5N7Q9S1T3V5X7Z9B1D3"
permissions = ["vault:objects:read", "vault:objects:create", "vault:objects:list"]

[[issuers.rules]]
sub = "system:serviceaccount:shop:billing"
organizations = ["org_acme"]
permissions = ["vault:objects:read", "vault:objects:create"]

[issuers.token_review]
url = "{url}"
ca_file = "{ca}"
token_file = "{token}"
"""


def server_for(cluster, folder, store):
    """The settings of a server that trusts the cluster, with the token of the chart's account."""
    prepare(cluster)
    (folder / "token").write_text(cluster.token("sealring"))
    list(installation.create_files(folder, store.url, "local"))
    path = folder / installation.SETTINGS_FILE
    path.write_text(path.read_text() + PROFILE.format(url=cluster.url, ca=cluster.ca, token=folder / "token"))
    wiring.initialise_store(settings.load(path), 4)
    return path


def prepare(cluster):
    """The namespaces, the rights that the chart gives its account, and accounts of others."""
    cluster.apply(
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}} for each in (NAMESPACE, SHOP))
    )
    kinds = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
    cluster.apply(*(each for each in render(case("identity")) if each["kind"] in kinds))
    accounts = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": n, "namespace": SHOP}}
        for n in ("billing", "other")
    ]
    cluster.apply(*accounts)


@pytest.fixture(scope="module")
def live(cluster, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with (
        EmbeddedValkey(folder) as store,
        running(server_for(cluster, folder, store), folder / "server.log", kms=None) as live,
    ):
        yield live


def create(live, token, organization="org_acme"):
    context = {"organization_id": organization}
    body = {"name": f"n{time.time_ns()}", "value": "v", "key_context": context}
    return live.ask("POST", "/vault/v1/kv", token=token, body=body).status


def signed_again(cluster, token, key=None, **changes):
    """The same token with other claims, signed by the cluster's own key or by another one."""
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    private = (key or cluster.pki / "sa.key").read_bytes()
    return jwt.encode(claims, private, "RS256", headers={"kid": jwt.get_unverified_header(token)["kid"], "typ": None})


def test_an_account_reaches_its_organization(cluster, live):
    assert create(live, cluster.token("billing", *OURS, namespace=SHOP)) == 201


def test_an_account_reaches_no_other_organization(cluster, live):
    assert create(live, cluster.token("billing", *OURS, namespace=SHOP), "org_beta") == 403


def test_an_account_has_no_permission_beyond_its_rule(cluster, live):
    token = cluster.token("billing", *OURS, namespace=SHOP)

    assert live.ask("GET", "/vault/v1/kv?organization_id=org_acme", token=token).status == 403


def test_an_account_without_a_rule_reaches_nothing(cluster, live):
    assert create(live, cluster.token("other", *OURS, namespace=SHOP)) == 403


def test_an_account_of_the_same_name_in_another_namespace_reaches_nothing(cluster, live):
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "billing", "namespace": NAMESPACE}}
    )

    assert create(live, cluster.token("billing", *OURS)) == 403


@pytest.mark.parametrize("options", [(), ("--audience", "another")], ids=["the API server", "another"])
def test_a_token_for_another_audience_is_refused(cluster, live, options):
    assert create(live, cluster.token("billing", *options, namespace=SHOP)) == 401


def test_a_token_that_lives_longer_than_we_allow_is_refused_although_the_cluster_grants_it(cluster, live):
    token = cluster.token("billing", "--audience", "sealring", "--duration", "48h", namespace=SHOP)

    assert create(live, token) == 401


def test_a_token_of_another_issuer_or_an_expired_one_is_refused(cluster, live):
    token = cluster.token("billing", *OURS, namespace=SHOP)
    now = int(time.time())

    assert create(live, signed_again(cluster, token)) == 201
    assert create(live, signed_again(cluster, token, iss="https://another.example.com")) == 401
    assert create(live, signed_again(cluster, token, iat=now - 700, nbf=now - 700, exp=now - 100)) == 401


def test_a_token_that_another_cluster_signed_is_refused(cluster, live, tmp_path):
    new_signing_key(tmp_path / "other")

    token = signed_again(cluster, cluster.token("billing", *OURS, namespace=SHOP), tmp_path / "other.key")

    assert create(live, token) == 401


def test_the_token_of_a_deleted_pod_is_refused(cluster, live):
    container = {"name": "app", "image": "registry.example.com/app"}
    spec = {"serviceAccountName": "billing", "containers": [container]}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app", "namespace": SHOP}, "spec": spec})
    bound = ("--bound-object-kind", "Pod", "--bound-object-name", "app")
    token = cluster.token("billing", *OURS, *bound, namespace=SHOP)
    assert create(live, token) == 201

    cluster.kubectl("delete", "pod", "app", "-n", SHOP, "--grace-period=0", "--force")

    assert becomes_true(lambda: create(live, token) == 401, within_s=60)


def test_after_a_change_of_keys_old_and_new_tokens_are_taken(tmp_path):
    cluster = Cluster(tmp_path / "cluster")
    with (
        cluster.running(),
        EmbeddedValkey(tmp_path) as store,
        running(server_for(cluster, tmp_path, store), tmp_path / "server.log", kms=None) as live,
    ):
        old = cluster.token("billing", *OURS, namespace=SHOP)
        assert create(live, old) == 201

        cluster.sign_with_a_new_key()
        new = cluster.token("billing", *OURS, namespace=SHOP)

        assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
        assert becomes_true(lambda: create(live, new) == 201, within_s=60)
        assert create(live, old) == 201
