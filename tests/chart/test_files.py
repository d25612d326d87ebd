"""Files of others in the chart are the ones that are shipped outside of it."""

import json

import pytest
import yaml

from chart.rendering import CHART, ROOT, case, one, render

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
