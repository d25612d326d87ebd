"""What is said after an installation is true of its values."""

import pytest

from chart.rendering import case, notes

DEFAULT = {"namespaceSelector": {"matchLabels": {"sealring.dev/client": "true"}}}
INGRESS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
NARROW = DEFAULT | {"podSelector": {"matchLabels": {"app": "billing"}}}

COMMAND = "kubectl label namespace NAME sealring.dev/client=true"


@pytest.mark.parametrize("clients", [None, [DEFAULT], [INGRESS, DEFAULT]], ids=str)
def test_the_label_is_named_if_it_lets_a_namespace_in(clients):
    changes = {} if clients is None else {"networkPolicy__clients": clients}

    assert COMMAND in notes(case("default", **changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"networkPolicy__clients": [INGRESS]}, "so labelling a namespace changes nothing"),
        ({"networkPolicy__clients": [NARROW]}, "so labelling a namespace changes nothing"),
        ({"networkPolicy__clients": []}, "Nobody can call it but helm test"),
        ({"networkPolicy__enabled": False}, "Every pod of the cluster can reach it"),
    ],
    ids=str,
)
def test_the_label_is_not_named_if_it_lets_nobody_in(changes, said):
    text = notes(case("default", **changes))

    assert said in text
    assert COMMAND not in text


@pytest.mark.parametrize("enabled", [True, False])
def test_each_step_follows_an_empty_line(enabled):
    lines = notes(case("default", networkPolicy__enabled=enabled, init__enabled=enabled)).splitlines()
    steps = [number for number, line in enumerate(lines) if line[:2] in {"1.", "2.", "3.", "4."}]

    assert len(steps) == 4
    assert {lines[number - 1] for number in steps} == {""}
