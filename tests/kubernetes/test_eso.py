"""The External Secrets Operator, as a process, does with the manifests of its page what the page says."""

import base64
import json
import os
import subprocess
from copy import deepcopy

import pytest
import yaml

from docs.markdown import blocks, read
from kubernetes import software
from sealring.domain.principal import Permission
from support.waiting import becomes_true

SHOP = "shop"
PAGE = [yaml.safe_load(text) for text in blocks(read("docs/external-secrets.md"), "yaml")]
READ = frozenset({Permission.OBJECTS_READ})
WITHIN_S = 60  # the operator tries again after some seconds


def manifest(kind):
    return deepcopy(next(each for each in PAGE if each["kind"] == kind))


@pytest.fixture(scope="module")
def operator(cluster, tmp_path_factory):
    """The operator on this cluster, which looks again every second."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(software.crds()))
    cluster.kubectl("wait", "--for=condition=Established", "crd/externalsecrets.external-secrets.io", "--timeout=60s")
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP}})
    off = [
        f"--enable-{each}-reconciler=false"
        for each in ("cluster-store", "cluster-external-secret", "cluster-push-secret", "push-secret")
    ]
    command = [str(software.operator()), "--metrics-addr=0", "--loglevel=info", *off]
    log = tmp_path_factory.mktemp("operator") / "log"
    with log.open("wb") as output:
        environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    yield log
    process.kill()
    process.wait()


@pytest.fixture
def shop(cluster, live, operator):
    """The store of the page, which reaches the server, and functions for the rest."""
    shop = Shop(cluster, live)
    shop.give_token(live.token("org_acme", permissions=READ))
    store = manifest("SecretStore")
    webhook = store["spec"]["provider"]["webhook"]
    webhook["url"] = live.url + webhook["url"].partition(".svc:8420")[2]
    del webhook["caProvider"]  # the server of the tests speaks HTTP
    cluster.apply(store)
    yield shop
    cluster.kubectl("delete", "externalsecrets", "--all", "-n", SHOP)
    cluster.kubectl("delete", "secrets", "--all", "-n", SHOP)
    shop.remove_all()


class Shop:
    def __init__(self, cluster, live):
        self._cluster = cluster
        self._live = live
        self._kept = []

    def give_token(self, token):
        secret = manifest("Secret")
        secret["stringData"]["token"] = token
        self._cluster.apply(secret)

    def keep(self, name, value):
        """Store an object, and return its path."""
        body = {"name": name, "value": value, "key_context": {"organization_id": "org_acme"}}
        made = self._live.ask("POST", "/vault/v1/kv", token=self._live.token("org_acme"), body=body)
        assert made.status == 201, made.raw
        self._kept.append(f"/vault/v1/kv/{made.json['id']}")
        return self._kept[-1]

    def change(self, path, value):
        assert self._live.ask("PUT", path, token=self._live.token("org_acme"), body={"value": value}).status == 201

    def remove(self, path):
        assert self._live.ask("DELETE", path, token=self._live.token("org_acme")).status == 200
        self._kept.remove(path)

    def remove_all(self):
        for path in list(self._kept):
            self.remove(path)

    def sync(self, name, **spec):
        """An ExternalSecret that deletes its Secret when the value is gone."""
        external = {
            "refreshInterval": "1s",
            "secretStoreRef": {"kind": "SecretStore", "name": "sealring"},
            "target": {"name": name, "creationPolicy": "Owner", "deletionPolicy": "Delete"},
        } | spec
        head = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret"}
        self._cluster.apply(head | {"metadata": {"name": name, "namespace": SHOP}, "spec": external})

    def secret(self, name):
        found = self._cluster.kubectl("get", "secret", name, "-n", SHOP, "-o", "json", check=False)
        if found.returncode:
            return None
        return {key: base64.b64decode(value).decode() for key, value in json.loads(found.stdout)["data"].items()}

    def reason(self, name):
        conditions = self._cluster.get("externalsecret", name, SHOP).get("status", {}).get("conditions", [])
        return next((each["reason"] for each in conditions if each["type"] == "Ready"), None)


def key(name, remote, **more):
    return {"secretKey": name, "remoteRef": {"key": remote, **more}}


def is_soon(condition):
    return becomes_true(condition, within_s=WITHIN_S)


def test_the_manifests_of_the_page_sync(cluster, shop):
    shop.keep("billing/api key", "of billing")
    shop.keep("database", '{"host": "db", "password": "p", "port": 5432}')
    cluster.apply(manifest("ExternalSecret"))

    expected = {"api-key": "of billing", "password": "p", "host": "db", "port": "5432"}
    assert is_soon(lambda: shop.secret("database") == expected), shop.reason("database")


def test_an_update_arrives(shop):
    path = shop.keep("updated", "first")
    shop.sync("updated", data=[key("value", "updated")])
    assert is_soon(lambda: shop.secret("updated") == {"value": "first"})

    shop.change(path, "second")

    assert is_soon(lambda: shop.secret("updated") == {"value": "second"})


@pytest.mark.parametrize("case", ["401", "403"])
def test_a_token_that_is_refused_deletes_nothing(shop, live, case):
    name = f"kept-{case}"
    shop.keep(name, "kept")
    shop.sync(name, data=[key("value", name)])
    assert is_soon(lambda: shop.secret(name) == {"value": "kept"})

    shop.give_token({"401": "not-a-token", "403": live.token("org_beta", permissions=READ)}[case])

    assert is_soon(lambda: shop.reason(name) == "SecretSyncedError")
    assert shop.secret(name) == {"value": "kept"}


def test_an_object_that_is_gone_from_the_own_organization_takes_its_secret_along(shop):
    path = shop.keep("removed", "soon gone")
    shop.sync("removed", data=[key("value", "removed")])
    assert is_soon(lambda: shop.secret("removed") == {"value": "soon gone"})

    shop.remove(path)

    assert is_soon(lambda: shop.secret("removed") is None)


def test_an_object_of_another_organization_deletes_no_secret(shop, cluster, live):
    shop.keep("mine", "mine")
    shop.sync("mine", data=[key("value", "mine")])
    assert is_soon(lambda: shop.secret("mine") == {"value": "mine"})
    store = cluster.get("secretstore", "sealring", SHOP)
    url = store["spec"]["provider"]["webhook"]["url"].replace("org_acme", "org_beta")

    patch = json.dumps({"spec": {"provider": {"webhook": {"url": url}}}})
    cluster.kubectl("patch", "secretstore", "sealring", "-n", SHOP, "--type=merge", "-p", patch)

    assert is_soon(lambda: shop.reason("mine") == "SecretSyncedError")
    assert shop.secret("mine") == {"value": "mine"}
