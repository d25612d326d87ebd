"""The values that the guide shows are values, and what it says of files is so."""

import pytest
import yaml
from helm_python import HelmError

from chart.rendering import ROOT, case, chart, one, render
from docs.markdown import blocks

PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
VALUES = [yaml.safe_load(text) for text in blocks(PAGE, "yaml")]


def merged(under, over):
    """As Helm merges values."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {name: merged(under.get(name), value) for name, value in over.items()}


@pytest.mark.parametrize("values", VALUES, ids="+".join)
def test_the_values_of_the_guide_can_be_rendered(values):
    wanted = merged(case("default"), values)
    if values.get("tls", {}).get("certManager"):
        wanted["tls"]["existingSecret"] = ""

    assert one(render(wanted), "Deployment", "sealring")["kind"] == "Deployment"


def test_the_first_values_of_the_guide_are_enough():
    assert len(VALUES) > 4

    assert one(render(VALUES[0]), "Deployment", "sealring")["spec"]["replicas"] == 2


def test_a_value_that_the_guide_does_not_know_would_be_noticed():
    with pytest.raises(HelmError):
        chart().validate_schema({**VALUES[0], "nonsense": 1})
