"""The chart, rendered: what Helm makes of values, without a cluster."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "sealring"
CASES = {path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").glob("*-values.yaml"))}
NAMESPACE = "vault"

Resource = dict[str, Any]


@cache
def chart() -> Chart:
    return Chart.load(CHART)


def case(name: str, **changes: Any) -> dict[str, Any]:
    """The values of a case in ci/, with some of them changed: `tls__enabled=False`."""
    values = yaml.safe_load(CASES[name].read_text())
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = values
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = deepcopy(value)
    return values


def render(values: Mapping[str, Any], release: str = "sealring") -> list[Resource]:
    """The resources, with those of hooks. Raises HelmError."""
    made = chart().render(dict(values), name=release, namespace=NAMESPACE)
    texts = [text for path, text in made.items() if not path.endswith("NOTES.txt")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def notes(values: Mapping[str, Any]) -> str:
    made = chart().render(dict(values), name="sealring", namespace=NAMESPACE)
    return next(text for path, text in made.items() if path.endswith("NOTES.txt"))


def one(resources: list[Resource], kind: str, name: str) -> Resource:
    (found,) = (each for each in resources if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


def pods(resources: list[Resource]) -> Iterator[tuple[str, Resource]]:
    """The name of what makes a pod, with the template of it."""
    for each in resources:
        name = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] == "Pod":
            yield name, each
        if each["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield name, each["spec"]["template"]
        if each["kind"] == "CronJob":
            yield name, each["spec"]["jobTemplate"]["spec"]["template"]


def containers(pod: Resource) -> list[Resource]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def settings_of(resources: list[Resource]) -> str:
    """The settings of the server, as TOML."""
    return one(resources, "ConfigMap", "sealring")["data"]["sealring.toml"]
