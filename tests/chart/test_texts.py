"""A text of the values stands in a manifest as it was given, and begins nothing else there."""

import tomllib
from functools import cache

import pytest
import yaml
from helm_python import HelmError

from chart.rendering import chart, render
from chart.texts import dumped, takes, texts, with_text

WORLDS = ["one", "other"]
MARK = "mark7f3c"
SPECIAL = {
    "lines": f"x\n  {MARK}: true\n- {MARK}",
    "carriage returns": f"x\r  {MARK}: true",
    "Unicode's lines": f"x\u2028{MARK}: true\u2029{MARK}",
    "a comment": f"x #{MARK}",
    "a colon": f"x: {MARK}",
    "a template": '{{ printf "%s" .Release.Name }}',
    "double quotes": f'x", "{MARK}": "y',
    "single quotes": f"x', '{MARK}': 'y",
    "a flow": f"x], {{{MARK}: [y",
    "a backslash": f"x\\n{MARK}",
    "an anchor": f"&{MARK} x",
    "a tag": "!!int 3",
    "blanks": f" {MARK} ",
    "an octal number": "0777",
    "a number": "12.50",
    "a truth value": "yes",
    "nothing": "null",
}
PLACES = tuple(texts())
PLAIN = {path: "plain" for path in PLACES if takes(path, "plain")}

every_world = pytest.mark.parametrize("world", WORLDS)


@cache
def allowed(kind):
    """The places in which the schema allows a text of a kind. The others refuse it, before anything is rendered."""
    return tuple(path for path in PLACES if takes(path, SPECIAL[kind]))


def rendered(world, text, places):
    """All resources, with the settings read. Names of Jobs and checksums, which follow from the rest, are left out."""
    resources = render(with_text(world, PLAIN | dict.fromkeys(places, text)))
    for each in resources:
        if "sealring.toml" in each.get("data", ()):
            each["data"]["sealring.toml"] = tomllib.loads(each["data"]["sealring.toml"])
        if each["kind"] == "Job":
            each["metadata"]["name"] = "job"
    return without_checksums(resources)


def without_checksums(value):
    if isinstance(value, dict):
        return {name: without_checksums(each) for name, each in value.items() if not name.startswith("checksum/")}
    return [without_checksums(each) for each in value] if isinstance(value, list) else value


def replaced(value, text, by):
    if isinstance(value, dict):
        return {name: replaced(each, text, by) for name, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, text, by) for each in value]
    return value.replace(text, by) if isinstance(value, str) else value


def test_the_texts_of_the_schema_are_found():
    names = {".".join(path) for path in PLACES}

    assert {"projectedTokens.[].audience", "extraPlugins.[].image", "rollout.maxSurge", "nodeSelector.{}"} <= names
    assert len(names) > 150


@pytest.mark.parametrize("kind", SPECIAL)
@every_world
def test_a_text_stands_where_another_one_would(world, kind):
    text = SPECIAL[kind]

    found = rendered(world, text, allowed(kind))

    assert replaced(found, text, "other") == replaced(rendered(world, "other", allowed(kind)), text, "other")


def test_every_text_that_is_allowed_is_seen_in_one_of_the_manifests():
    places = {path: f"seen{number}x" for number, path in enumerate(PLACES) if takes(path, f"seen{number}x")}
    seen = "".join(dumped(render(with_text(world, places))) for world in WORLDS)

    assert [".".join(path) for path, text in places.items() if text not in seen] == []


@pytest.mark.parametrize("character", ["\u007f", "\u0080", "\u0085", "\u009f"], ids=ascii)
@pytest.mark.parametrize(
    "place",
    ["extraPlugins.[].image", "networkPolicy.clients.[].podSelector.{}", "settings.plugins.local.root_key_file"],
)
def test_what_yaml_does_not_take_is_refused(character, place):
    text = f"x{character}y"

    with pytest.raises(HelmError, match="control character"):
        render(with_text("one", PLAIN | {tuple(place.split(".")): text}))


@pytest.mark.parametrize(("release", "namespace"), [("1e3", "0777"), ("null", "yes")])
def test_the_names_of_release_and_namespace_are_texts(release, namespace):
    for world in WORLDS:
        made = chart().render(with_text(world, PLAIN), name=release, namespace=namespace)
        resources = [each for path, text in made.items() if "NOTES" not in path for each in yaml.safe_load_all(text)]

        assert {each["metadata"].get("namespace", namespace) for each in resources if each} == {namespace}
        assert {each["metadata"]["labels"]["app.kubernetes.io/instance"] for each in resources if each} == {release}
