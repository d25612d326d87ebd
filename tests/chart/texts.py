"""Every text that the schema of the values knows, and values in which each of them has a given text."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema
import yaml

from chart.rendering import CHART, case

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
CHECKED = jsonschema.Draft7Validator(SCHEMA)

Path = tuple[str, ...]  # "[]" is an item of a list, "{}" any member of an object

NOT_IN_A_MANIFEST = {("global",), ("extraObjects",)}  # not read, and templates by design
LEFT_OUT = {  # what would contradict another value, or have it not rendered, in each of the worlds
    "one": {
        "jobs.backup.existingClaim", "serviceAccount.name", "tls.certManager", "trust.existingConfigMap", "networkPolicy.store",
    },
    "other": {
        "jobs.backup.size", "jobs.backup.storageClass", "tls.existingSecret", "valkey",
    },
}  # fmt: skip
ON = ("gateway", "ingress", "pkcs11", "kubernetesApi", "metrics", "metrics.serviceMonitor", "metrics.rules", "metrics.dashboard",
      "jobs.purge", "jobs.verify", "jobs.backup")  # fmt: skip


def world(name: str) -> dict[str, Any]:
    """Values that render nearly everything."""
    values = case("default", image={"digest": ""}, kubernetesApi__tokenReview=True)
    for each in ON:
        put(values, (*each.split("."), "enabled"), True)
    if name == "one":
        put(values, ("valkey", "enabled"), True)
        return values
    put(values, ("tls",), {"certManager": {"enabled": True}})
    put(values, ("init", "enabled"), False)
    put(values, ("serviceAccount", "create"), False)
    return values


def texts(schema: dict[str, Any] = SCHEMA, path: Path = ()) -> Iterator[Path]:
    """Yield where a text may be."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    kinds = schema.get("type", "string" if "enum" in schema else ())
    if path in NOT_IN_A_MANIFEST:
        return
    if "string" in kinds:
        yield path
    if "array" in kinds:
        yield from texts(schema.get("items", {"type": "string"}), (*path, "[]"))
    for name, inner in schema.get("properties", {}).items():
        yield from texts(inner, (*path, name))
    if "object" in kinds and (others := schema.get("additionalProperties", True)):
        yield from texts({"type": "string"} if others is True else others, (*path, "{}"))


def put(values: Any, path: Path, value: Any) -> None:
    """Set what is at a path, with what has to be beside it."""
    schema = SCHEMA
    for name, following in zip(path, (*path[1:], None), strict=True):
        schema = _inner(schema, name)
        key = {"{}": "other", "[]": 0}.get(name, name)
        if following is None:
            _set(values, key, value)
            return
        if name == "[]":
            if not values:
                values.append(_least(schema))
        elif values.get(key) is None:
            values[key] = [] if following == "[]" else _least(schema)
        values = values[key]


def _set(place: Any, key: Any, value: Any) -> None:
    if key == 0 and not place:
        place.append(value)
    else:
        place[key] = value


def _inner(schema: dict[str, Any], name: str) -> dict[str, Any]:
    if name == "[]":
        found = schema.get("items", {})
    elif name == "{}":
        found = schema.get("additionalProperties", True)
    else:
        found = schema.get("properties", {}).get(name, {})
    if not isinstance(found, dict):
        return {}
    return SCHEMA["$defs"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def _least(schema: dict[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(schema.get("required", ()), "least")


def takes(path: Path, text: str) -> bool:
    """Whether the schema allows a text there."""
    values: dict[str, Any] = {}
    put(values, path, text)
    return CHECKED.is_valid(values)


def with_text(name: str, paths: dict[Path, str]) -> dict[str, Any]:
    """The values of a world with texts in these places."""
    values = deepcopy(world(name))
    for path, text in paths.items():
        if not any(".".join(path).startswith(left) for left in LEFT_OUT[name]):
            put(values, path, text)
    return values


def dumped(resources: list[dict[str, Any]]) -> str:
    return yaml.safe_dump(resources, allow_unicode=True)
