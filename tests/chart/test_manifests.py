"""What judges of manifests find in the chart and in each case of ci/: nothing."""

import json

import kubernetes_validate
import pytest
import yaml
from helm_python import chart as helm

from chart import tools
from chart.rendering import CASES, CHART, case, render

OLDEST, NEWEST = "1.34", "1.37"
VERSIONS = [OLDEST, *(pytest.param(each, marks=pytest.mark.torture) for each in ("1.35", "1.36")), NEWEST]
CUSTOM = ("cert-manager.io", "monitoring.coreos.com", "gateway.networking.k8s.io")  # no part of Kubernetes

# A pod that runs to its end is never ready and has nothing to be restarted for.
KNOWN_TO_CHECKOV = ["CKV_K8S_8 Pod.vault.sealring-test", "CKV_K8S_9 Pod.vault.sealring-test"]

every_case = pytest.mark.parametrize("name", CASES)


def of_kubernetes(name):
    return [each for each in render(case(name)) if not each["apiVersion"].startswith(CUSTOM)]


@every_case
def test_helm_finds_nothing(name):
    report = helm.lint(CHART, case(name), strict=True)

    assert [each["error"] for each in report["messages"] if each["severity"] > 1] == []
    assert report["errors"] == []


@pytest.mark.parametrize("version", VERSIONS)
@every_case
def test_every_resource_has_the_schema_of_its_kind(name, version):
    for each in of_kubernetes(name):
        kubernetes_validate.validate(each, version, strict=True)


def test_a_field_that_does_not_exist_would_be_found():
    (first, *_) = of_kubernetes("default")

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(first | {"replica": 1}, "1.34", strict=True)


@pytest.mark.torture
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@every_case
def test_kubeconform_finds_nothing(name, version):
    schemas = f"{tools.schemas(version)}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [str(tools.go_tool("kubeconform")), "-strict", "-summary", "-output", "json", "-schema-location", schemas]

    found = json.loads(tools.run(command, yaml.safe_dump_all(of_kubernetes(name))).stdout)

    assert found["summary"] == {"valid": len(of_kubernetes(name)), "invalid": 0, "errors": 0, "skipped": 0}


@pytest.mark.torture
@every_case
def test_kube_score_finds_nothing(name):
    command = [str(tools.go_tool("kube-score")), "score", "--output-format", "ci", "-"]

    said = tools.run(command, yaml.safe_dump_all(of_kubernetes(name))).stdout

    assert len(said.splitlines()) > 10
    assert [line for line in said.splitlines() if not line.startswith(("[OK]", "[SKIPPED]"))] == []


@pytest.mark.torture
@every_case
def test_checkov_finds_nothing(name, tmp_path):
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(of_kubernetes(name)))
    asked = ["--file", str(tmp_path / "all.yaml"), "--framework", "kubernetes", "--skip-download", "--output", "json"]

    said = tools.run([*tools.checkov(), *asked]).stdout

    assert json.loads(said)["summary"]["passed"] > 200
    assert sorted(tools.findings_of_checkov(said)) == KNOWN_TO_CHECKOV
