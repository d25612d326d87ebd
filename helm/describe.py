"""Make values.schema.json and the table of README.md from values.yaml, its comments, and docs/configuration.md.

    python helm/describe.py

A comment that begins with `# -- ` describes the value below it; `# @schema ` says what its default does not show, as
JSON Schema. The schema of `settings` comes from the tables of docs/configuration.md, so that both have the same names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm" / "sealring"
BEGIN, END = "<!-- values -->\n", "<!-- end of values -->\n"

Schema = dict[str, Any]

# Settings that the chart itself sets.
OWN = {
    ("store", "url"),
    ("store", "url_file"),
    ("store", "pin_file"),
    ("server", "run_folder"),
    ("server", "metrics_bind"),
}
TYPES = {
    "text": "string",
    "path": "string",
    "number": "integer",
    "yes or no": "boolean",
    "list": "array",
    "list of texts": "array",
}
HEADED = {"table", "tables"}  # each has a heading and a table of its own

# A name, an image, a host or a path, the text of most values.
PLAIN = "^([A-Za-z0-9/._-]([A-Za-z0-9/._:@-]*[A-Za-z0-9/._-])?)?$"
BARE: Schema = {"pattern": "^[A-Za-z0-9_-]+$"}  # a key of TOML without quotes
_AMOUNTS = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
DEFINITIONS: Schema = {
    "named": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {"type": "string"}},
    },
    "variable": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "value": {"type": "string"}, "valueFrom": {"type": "object"}},
    },
    "resources": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"requests": _AMOUNTS, "limits": _AMOUNTS},
    },
    "peer": {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"type": "object"} for name in ("namespaceSelector", "podSelector", "ipBlock")},
    },
}

_HEADING = re.compile(r"^#{2,4} `\[(\[?)([a-z_.<>]+)\]\]?`(?: by `[a-z]+`)?$")


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the chart: its path, its default, and what its comment says."""

    path: tuple[str, ...]
    default: object
    text: str
    schema: Schema | None
    is_settings: bool
    is_branch: bool  # it has values of its own, each with a comment


def main() -> None:
    (CHART / "values.schema.json").write_text(schema_text())
    readme = CHART / "README.md"
    readme.write_text(with_table(readme.read_text()))


def schema_text() -> str:
    found = _of(list(values()), ())
    return (
        json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "$defs": DEFINITIONS, **found}, indent=2)
        + "\n"
    )


def with_table(page: str) -> str:
    """Return the page with the table of values in its place."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def table() -> str:
    lines = ["| Value | Default | |", "| --- | --- | --- |"]
    for value in values():
        if value.is_branch and not value.text:
            continue
        default = "" if value.is_branch else f"`{json.dumps(value.default, ensure_ascii=False)}`"
        lines.append(f"| `{'.'.join(value.path)}` | {default} | {value.text} |")
    return "\n".join(lines) + "\n"


def values() -> Iterator[Value]:
    """Yield each value of values.yaml, a branch before what is in it."""
    text = (CHART / "values.yaml").read_text()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    yield from _walk(root, (), text.splitlines(), yaml.safe_load(text))


def _walk(
    node: yaml.MappingNode, path: tuple[str, ...], lines: list[str], default: Mapping[str, object]
) -> Iterator[Value]:
    for key, inner in node.value:
        text, schema, is_settings = _comment(lines, key.start_mark.line)
        here = default[key.value]
        is_branch = isinstance(here, dict) and bool(here) and schema is None and not is_settings
        yield Value((*path, key.value), here, text, schema, is_settings, is_branch)
        if is_branch:
            assert isinstance(here, dict), "a branch is a mapping"
            yield from _walk(inner, (*path, key.value), lines, here)


def _comment(lines: list[str], line: int) -> tuple[str, Schema | None, bool]:
    """Return the description, the schema, and whether it is of the settings, from the comment above a line."""
    above: list[str] = []
    while line > 0 and lines[line - 1].strip().startswith("#"):
        line -= 1
        above.insert(0, lines[line].strip().removeprefix("#").strip())
    said = [each for each in above if not each.startswith("@")]
    start = next((index for index, each in enumerate(said) if each.startswith("-- ")), len(said))
    schema = next((json.loads(each.removeprefix("@schema ")) for each in above if each.startswith("@schema ")), None)
    return " ".join(said[start:]).removeprefix("-- "), schema, "@settings" in above


def _of(known: list[Value], path: tuple[str, ...]) -> Schema:
    """Return the closed schema of the values below a path."""
    inner = [value for value in known if value.path[:-1] == path]
    properties = {value.path[-1]: _one(known, value) for value in inner}
    if not path:
        properties["global"] = {"type": "object"}  # Helm gives it to every chart
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _one(known: list[Value], value: Value) -> Schema:
    if value.is_settings:
        return settings_schema((ROOT / "docs" / "configuration.md").read_text())
    if value.schema is not None:
        return value.schema
    if value.is_branch:
        return _of(known, value.path)
    if isinstance(value.default, bool):
        return {"type": "boolean"}
    if isinstance(value.default, str):
        return {"type": "string", "pattern": PLAIN}
    raise SystemExit(f"values.yaml: {'.'.join(value.path)} needs a comment with @schema")


def settings_schema(page: str) -> Schema:
    """Return the schema of the settings that a page of docs describes."""
    root: Schema = {"type": "object", "additionalProperties": False, "properties": {}}
    place: Schema | None = None
    path: list[str] = []
    for line in page.splitlines():
        if line.startswith("#"):
            heading = _HEADING.match(line)
            path = heading[2].split(".") if heading else []
            place = _place(root, path, is_list=bool(heading[1])) if heading and path != ["plugins", "<name>"] else None
        elif place is not None and line.startswith("| `"):
            name, kind = [cell.strip().strip("`") for cell in line.strip("|").split("|")[:2]]
            if (*path, name) not in OWN and kind not in HEADED:
                place["properties"].setdefault(name, _setting(name, kind))
    plugins = root["properties"]["plugins"]
    plugins["additionalProperties"] = {"type": "object", "propertyNames": BARE}  # of third parties
    plugins["propertyNames"] = BARE
    return root


def _place(root: Schema, path: list[str], *, is_list: bool) -> Schema:
    """Return the schema of the table at a path, made if it is new."""
    place = root
    for index, name in enumerate(path):
        closed: Schema = {"type": ["object", "null"], "additionalProperties": False, "properties": {}}
        if name.startswith("<"):  # [seal.<name>], which has the settings of any provider
            place["additionalProperties"] = place["additionalProperties"] or _any_provider()
            place = place["additionalProperties"]
            continue
        new = {"type": "array", "items": closed} if is_list and index == len(path) - 1 else closed
        place = place["properties"].setdefault(name, new)
        place = place.get("items", place)
    return place


def _any_provider() -> Schema:
    properties = {"provider": {"type": "string"}}
    return {"type": "object", "additionalProperties": False, "required": ["provider"], "properties": properties}


def _setting(name: str, kind: str) -> Schema:
    if kind not in TYPES:
        raise SystemExit(f"docs/configuration.md: {name} has the type {kind!r}, which helm/describe.py does not know")
    return {"type": TYPES[kind]}


if __name__ == "__main__":
    main()
