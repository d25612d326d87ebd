"""The manifests of docs/external-secrets.md, as the webhook provider of External Secrets uses them, on our answers.

Its rules are those of the operator's webhook provider: parts of `remoteRef` are escaped for a query, 404 means deleted,
any other status outside of 2xx is an error, `jsonPath` picks from the answer, and `extract` parses a text as JSON.
"""

import json
import re
from urllib.parse import quote_plus, urlsplit

import pytest
import yaml

from docs.markdown import blocks, read
from isolation.acme import organization

PAGES = [read("docs/external-secrets.md"), read("docs/kubernetes-identity.md")]
MANIFESTS = {}
for page in PAGES:
    for block in blocks(page, "yaml"):
        manifest = yaml.safe_load(block)
        MANIFESTS[manifest["kind"], manifest["metadata"]["name"]] = manifest


class Deleted(Exception):
    """What the operator takes a 404 for."""


class Failed(Exception):
    """SecretSyncedError: the Secret stays as it is."""


class Webhook:
    """The webhook provider, with a store of the page."""

    def __init__(self, live, token):
        self._live = live
        self._store = MANIFESTS["SecretStore", "sealring"]["spec"]["provider"]["webhook"]
        (secret,) = self._store["secrets"]
        of_page = MANIFESTS["Secret", secret["secretRef"]["name"]]
        assert of_page["metadata"]["labels"] == {"external-secrets.io/type": "webhook"}
        self._secrets = {secret["name"]: dict.fromkeys(of_page["stringData"], token)}

    def synced(self, spec):
        """The Secret that an ExternalSecret becomes."""
        made = {}
        for each in spec.get("dataFrom", []):
            made |= self._extracted(each["extract"])
        for each in spec["data"]:
            made[each["secretKey"]] = self._picked(each["remoteRef"])
        return made

    def _extracted(self, ref):
        members = json.loads(self._picked(ref))
        return {name: each if isinstance(each, str) else json.dumps(each) for name, each in members.items()}

    def _picked(self, ref):
        assert self._store["result"] == {"jsonPath": "$.value"}
        picked = json.loads(self._body(ref))["value"]
        assert isinstance(picked, str)
        return picked

    def _body(self, ref):
        parts = {name: ref.get(name, "") for name in ("key", "property", "version")}
        escaped = {name: quote_plus(part, safe="~") for name, part in parts.items()}
        url = urlsplit(_filled(self._store["url"], {"remoteRef": escaped, **self._secrets}))
        headers = {
            name: _filled(text, {"remoteRef": parts, **self._secrets}) for name, text in self._store["headers"].items()
        }
        answer = self._live.ask("GET", f"{url.path}?{url.query}", headers=headers)
        if answer.status == 404:
            raise Deleted
        if not 200 <= answer.status < 300:
            raise Failed(answer.status)
        return answer.raw


def _filled(template, values):
    """A template of Go, with nothing but `{{ .name.member }}`."""
    filled = re.sub(r"\{\{ \.(\w+)\.(\w+) \}\}", lambda found: values[found[1]][found[2]], template)
    assert "{{" not in filled
    return filled


def spec():
    return MANIFESTS["ExternalSecret", "database"]["spec"]


@pytest.fixture
def acme(live):
    """The organization of the page, with the objects of the page."""
    acme = organization(live, "org_acme")
    made = []
    for name, value in (("billing/api key", "sk-1"), ("database", '{"user": "app", "password": "p", "port": 5432}')):
        body = {"name": name, "value": value, "key_context": acme.context}
        made.append(acme.ask("POST", "/vault/v1/kv", body))
        assert made[-1].status == 201
    yield acme
    for each in made:  # the server is that of all tests
        assert acme.ask("DELETE", f"/vault/v1/kv/{each.json['id']}").status == 200


def test_the_secret_of_the_page_is_made_of_the_objects_of_the_page(live, acme):
    made = Webhook(live, acme.token).synced(spec())

    assert made == {"api-key": "sk-1", "user": "app", "password": "p", "port": "5432"}


@pytest.mark.parametrize("ref", [{"key": "database"}, {"key": "never was"}, {"key": "database", "property": "none"}])
def test_a_token_of_another_organization_deletes_nothing(live, acme, ref):
    for token in (live.token("org_beta"), live.token("org_acme", permissions=frozenset()), "expired"):
        with pytest.raises(Failed):
            Webhook(live, token)._body(ref)


def test_a_property_that_is_missing_deletes_nothing(live, acme):
    with pytest.raises(Failed, match="422"):
        Webhook(live, acme.token)._body({"key": "database", "property": "none"})


def test_only_an_object_that_is_gone_is_taken_for_deleted(live, acme):
    with pytest.raises(Deleted):
        Webhook(live, acme.token)._body({"key": "never was"})


def test_the_manifests_of_the_pages_are_all_of_a_current_version():
    assert {kind: manifest["apiVersion"] for (kind, _), manifest in MANIFESTS.items()} == {
        "Secret": "v1",
        "SecretStore": "external-secrets.io/v1",
        "ExternalSecret": "external-secrets.io/v1",
        "Pod": "v1",
        "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    }
    assert spec()["secretStoreRef"] == {"kind": "SecretStore", "name": "sealring"}
    assert spec()["target"]["deletionPolicy"] == "Retain"
