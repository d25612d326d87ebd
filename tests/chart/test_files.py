"""Files of others in the chart are the ones that are shipped outside of it."""

import json

import pytest
import yaml
from helm_python import Chart, package

from chart.rendering import CHART, NAMESPACE, ROOT, case, chart, one, render

COPIES = {
    "files/rules.yaml": "deploy/prometheus/rules.yaml",
    "files/dashboard.json": "deploy/grafana/sealring.json",
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_what_it_was_copied_from(copy):
    assert (CHART / copy).read_bytes() == (ROOT / COPIES[copy]).read_bytes()


def test_rules_arrive_as_they_are():
    rule = one(render(case("operations")), "PrometheusRule", "sealring")

    assert rule["spec"] == yaml.safe_load((CHART / "files" / "rules.yaml").read_text())


def test_the_dashboard_arrives_as_it_is():
    found = one(render(case("operations")), "ConfigMap", "sealring-dashboard")

    assert json.loads(found["data"]["sealring.json"]) == json.loads((CHART / "files" / "dashboard.json").read_text())


def test_the_package_is_the_chart_without_what_only_tests_need(tmp_path):
    packed = package(CHART, destination=tmp_path)

    with Chart.load(packed) as loaded:
        names = {each["name"] for each in loaded.files}
        made = loaded.render(case("default"), name="sealring", namespace=NAMESPACE)

    assert {"README.md", "files/trust.py", "files/rules.yaml"} <= names
    assert not any(name.startswith("ci/") for name in names)
    assert made == chart().render(case("default"), name="sealring", namespace=NAMESPACE)
