"""Values of the chart: all are known, documented and checked, and none is a secret."""

import importlib.util
import json
import re
import sys
import tomllib

import pytest
import yaml
from helm_python import HelmError

from chart.rendering import CASES, CHART, ROOT, case, chart, one, render

DESCRIBED = importlib.util.spec_from_file_location("describe", ROOT / "helm" / "describe.py")
describe = importlib.util.module_from_spec(DESCRIBED)
sys.modules["describe"] = describe  # dataclasses look their module up
DESCRIBED.loader.exec_module(describe)

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())

OF_KUBERNETES = {  # objects in Kubernetes' own form, or of third parties
    "affinity", "tolerations", "extraVolumes", "extraVolumeMounts", "extraContainers", "extraObjects", "global",
    "networkPolicy.extraEgress", "settings.plugins",
}  # fmt: skip


def objects(schema, path=()):
    """Every schema of an object, with its path; a definition has the path of its first use."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if "object" in schema.get("type", ()):
        yield ".".join(path), schema
    for name, inner in schema.get("properties", {}).items():
        yield from objects(inner, (*path, name))
    if "items" in schema:
        yield from objects(schema["items"], path)


def test_the_schema_is_made_from_the_values():
    assert (CHART / "values.schema.json").read_text() == describe.schema_text()


def test_the_table_of_the_readme_is_made_from_the_values():
    readme = (CHART / "README.md").read_text()

    assert readme == describe.with_table(readme)


def test_the_schema_is_closed_at_every_level():
    def is_open(schema):
        return schema.get("additionalProperties", True) is True or schema.get("additionalProperties") == {
            "type": "object"
        }

    found = {path for path, schema in objects(SCHEMA) if is_open(schema)}

    assert {
        path for path in found if path not in OF_KUBERNETES and not path.endswith(("Selector", "ipBlock", "valueFrom"))
    } == set()


def test_the_schema_has_every_setting_that_the_server_knows():
    properties = SCHEMA["properties"]["settings"]["properties"]

    page = (ROOT / "docs" / "configuration.md").read_text()

    assert properties.keys() == set(re.findall(r"^##+ `\[+([a-z]+)[.\]]", page, re.MULTILINE))
    assert {
        "store",
        "keys",
        "plugins",
        "issuers",
        "token",
        "limits",
        "keyrings",
        "server",
        "connect",
    } <= properties.keys()
    assert "masterkey" in properties["plugins"]["properties"]
    assert {"max_value_bytes", "organization_objects"} <= properties["limits"]["properties"].keys()
    assert "url" not in properties["store"]["properties"]


@pytest.mark.parametrize(
    "changes",
    [
        {"replica": 3},
        {"image__tags": "1"},
        {"tls__certManager__issuerRef__nam": "x"},
        {"settings__limits": {"max_value_byte": 1}},
        {"settings__store": {"url": "redis://:password@store"}},
        {"settings__plugins__local": {"root_key": "x"}},
        {"settings__nonsense": {}},
        {"resources": {"request": {}}},
        {"image__digest": "sha256:short"},
        {"replicas": -1},
        {"networkPolicy__dnsPorts": []},
        {"replicas": "three"},
        {"secrets": {"../etc": "x"}},
        {"secrets": {"store": "x"}},
        {"gateway__parentRefs": [{"name": "public", "namespace": "gateways"}]},
        {"gateway__parentRefs": [{"name": "public", "sectionName": ""}]},
        {"rollout__maxSurge": "1\n  paused: true"},
        {"podDisruptionBudget__maxUnavailable": "1"},
        {"settings__plugins__acme": {"x = 1\n[server]\ny": 1}},
    ],
    ids=str,
)
def test_an_unknown_or_impossible_value_is_refused(changes):
    with pytest.raises(HelmError, match="schema|additional|does not"):
        render(case("default", **changes))


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("default", {"store__existingSecret": ""}, "store.existingSecret is required"),
        ("default", {"secrets": {}}, "secrets.root is required"),
        ("default", {"secrets": {"other": "x"}}, "secrets.root is required"),
        ("plugin", {"secrets": {"root": "x"}}, "secrets.acme is required"),
        (
            "default",
            {"settings__plugins__local": {"root_key_file": "/sealring/secrets/my/key"}},
            "secrets.my is required",
        ),
        ("hsm", {"secrets": {}}, "secrets.hsm is required"),
        ("keyrings", {"secrets": {"root": "x", "masterkey": "x"}}, "secrets.connect is required"),
        ("aws", {"secrets": {}}, "secrets.seal is required"),
        ("default", {"settings__issuers": []}, "settings.issuers is required"),
        ("default", {"settings__issuers": None}, "settings.issuers is required"),
        ("aws", {"replicas": 0}, "contradict each other"),
        ("default", {"tls__existingSecret": ""}, "tls.existingSecret is required"),
        ("default", {"tls__certManager__enabled": True}, "both set"),
        ("aws", {"tls__certManager__issuerRef__name": ""}, "tls.certManager.issuerRef.name is required"),
        ("default", {"trust__existingConfigMap": "mine"}, "contradict"),
        ("valkey", {"valkey__existingSecret": ""}, "no default password"),
        ("valkey", {"valkey__tlsSecret": ""}, "valkey.tlsSecret is required"),
        ("hsm", {"pkcs11__image": ""}, "pkcs11.image is required"),
        ("operations", {"ingress__host": ""}, "ingress.host is required"),
        ("operations", {"ingress__tlsSecret": ""}, "ingress.tlsSecret is required"),
        ("operations", {"metrics__enabled": False}, "need metrics.enabled"),
        ("gateway", {"gateway__parentRefs": []}, "gateway.parentRefs is required"),
        ("gateway", {"gateway__backendCAConfigMap": ""}, "gateway.backendCAConfigMap is required"),
        ("default", {"kubernetesApi__tokenReview": True}, "needs kubernetesApi.enabled"),
        ("default", {"serviceAccount__create": False}, "serviceAccount.name is required"),
    ],
    ids=str,
)
def test_what_is_missing_is_named(name, changes, said):
    with pytest.raises(HelmError, match=said):
        render(case(name, **changes))


def test_nothing_is_installed_from_the_defaults_alone():
    with pytest.raises(HelmError, match="store.existingSecret is required: "):
        render({})


@pytest.mark.parametrize("path", ["/sealring/secrets/root", "/sealring/secrets/root/root.key", "/sealring/secrets/"])
def test_a_folder_of_secrets_may_be_a_volume_of_another_kind(path):
    mount = {"name": "csi", "mountPath": path, "readOnly": True}
    volume = {"name": "csi", "csi": {"driver": "secrets-store.csi.k8s.io"}}

    assert render(case("default", secrets={}, extraVolumes=[volume], extraVolumeMounts=[mount]))


@pytest.mark.parametrize("path", ["/sealring/secrets/rooted", "/sealring/secrets/ro", "/elsewhere/secrets/root"])
def test_a_volume_at_another_folder_does_not_count(path):
    mount = {"name": "csi", "mountPath": path, "readOnly": True}

    with pytest.raises(HelmError, match="secrets.root is required"):
        render(case("default", secrets={}, extraVolumeMounts=[mount]))


@pytest.mark.parametrize("name", ["default", "valkey"])
def test_a_release_may_have_no_servers(name):
    resources = render(case(name, replicas=0, jobs={"purge": {"enabled": True}}))

    assert one(resources, "Deployment", "sealring")["spec"]["replicas"] == 0
    assert one(resources, "CronJob", "sealring-purge")


def test_a_part_of_the_pods_is_a_text_and_their_number_is_none():
    def rendered(value):
        resources = render(case("default", rollout__maxSurge=value, podDisruptionBudget__maxUnavailable=value))
        surge = one(resources, "Deployment", "sealring")["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
        return surge, one(resources, "PodDisruptionBudget", "sealring")["spec"]["maxUnavailable"]

    assert rendered(2) == (2, 2)
    assert rendered("25%") == ("25%", "25%")


def test_no_default_is_a_password():
    text = (CHART / "values.yaml").read_text()
    secret = [name for name in ("existingSecret", "tlsSecret", "caSecret", "tokenSecret") if f"{name}: " in text]

    assert len(secret) == 4
    assert all(f'{name}: ""\n' in text for name in secret)
    assert not any("randAlpha" in path.read_text() for path in CHART.rglob("templates/**/*.*"))


def test_the_chart_makes_no_secret():
    for name in CASES:
        assert [each for each in render(case(name)) if each["kind"] == "Secret"] == []


def test_chart_and_server_have_one_version():
    assert chart().metadata["appVersion"] == chart().metadata["version"] == version()


def version():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("image.repository", "evil.example/x # "),
        ("store.existingSecret", "s\n    defaultMode: 0777"),
        ("nameOverride", "{{ .Values }}"),
        ("store.urlKey", "*a"),
    ],
)
def test_no_text_begins_anything_else_in_a_manifest(value, text):
    schema = SCHEMA
    for name in value.split("."):
        schema = schema["properties"][name]

    assert re.fullmatch(schema["pattern"], text) is None
