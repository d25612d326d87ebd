"""docs/metrics.md has every metric; docs/operations.md says what to do for each alert; the dashboard and the alerts use only what there is."""

import json
import re

import pytest
import yaml

from docs.markdown import ROOT, anchors, read, rows, section
from sealring.observability import metrics
from sealring.observability.series import Counter, Gauge, Histogram
from sealring.server import metrics_process

KINDS = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
RULES = [
    rule
    for group in yaml.safe_load(read("deploy/prometheus/rules.yaml"))["groups"]
    for rule in group["rules"]
]  # fmt: skip
DASHBOARD = json.loads(read("deploy/grafana/sealring.json"))
EXPRESSIONS = {
    **{rule["alert"]: rule["expr"] for rule in RULES},
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", [])
    },
}


def sample_names():
    names = {}
    for family in metrics.FAMILIES:
        ends = ("_bucket", "_count", "_sum") if isinstance(family, Histogram) else ("",)
        names |= dict.fromkeys((family.name + end for end in ends), family)
    return names


def test_every_metric_is_listed():
    expected = [
        [f"`{each.name}`", KINDS[type(each)], ", ".join(f"`{label}`" for label in each.labels), each.text]
        for each in metrics.FAMILIES
    ]

    assert rows(section(read("docs/metrics.md"), "## What there is")) == expected


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_alerts_and_dashboard_use_only_metrics_and_labels_that_exist(name):
    expression, names = EXPRESSIONS[name], sample_names()
    used = re.findall(r"(sealring_\w+)(?:\{([^}]*)\})?", expression)

    assert [each for each, _ in used if each not in names] == []
    for each, selector in used:
        for label, _, values in re.findall(r'(\w+)(=~|=)"([^"]*)"', selector):
            assert set(values.split("|")) <= set(names[each].labels[label])
    known = {label for each, _ in used for label in names[each].labels} | {"le"}
    assert {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(", *", by)} <= known


def test_every_metric_is_on_the_dashboard():
    used = {word for name in EXPRESSIONS for word in re.findall(r"sealring_\w+", EXPRESSIONS[name])}

    assert [each.name for each in metrics.FAMILIES if not any(word.startswith(each.name) for word in used)] == []


def test_every_alert_says_what_to_do_on_the_page_of_operations():
    page = read("docs/operations.md")
    headings = re.findall(r"^### (\w+)$", section(page, "## Alerts"), re.MULTILINE)

    assert headings == [rule["alert"] for rule in RULES]
    for rule in RULES:
        path, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (path, anchor) == ("docs/operations.md", rule["alert"].lower())
        assert anchor in anchors(page)
        assert re.search(r"^1\. ", section(page, f"### {rule['alert']}"), re.MULTILINE)


def test_every_alert_has_a_severity_and_a_summary():
    for rule in RULES:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"].endswith(".")


def test_the_chart_can_copy_both_files_as_they_are():
    assert (ROOT / "deploy/prometheus/rules.yaml").read_text().isascii()
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "datasource" in panel} == {"${datasource}"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_page_says_what_a_stranger_may_take_of_the_port():
    page = " ".join(read("docs/metrics.md").split())

    assert f"It answers {metrics_process.AT_ONCE} connections at once, and others wait" in page
    assert f"Each has {metrics_process.EXCHANGE_S:.0f} seconds, the wait included" in page
