"""docs/releases.md: what it says of versions holds for the distributions."""

import tomllib

from docs.markdown import ROOT, read

PROJECTS = [
    tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    for path in [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
]
PAGE = read("docs/releases.md")


def test_all_but_the_contract_have_one_version():
    assert len({each["version"] for each in PROJECTS if each["name"] != "sealring-plugin-api"}) == 1


def test_the_changelog_begins_with_that_version():
    (version,) = {each["version"] for each in PROJECTS if each["name"] == "sealring"}
    assert read("CHANGELOG.md").partition("\n## ")[2].startswith(f"{version} ")


def test_every_distribution_runs_on_the_versions_of_python_that_it_names():
    assert {each["requires-python"] for each in PROJECTS} == {">=3.11"}
    assert "(now 3.11 to 3.14)" in " ".join(PAGE.split())
