"""The plugins of this repository: their folders, their modules, their READMEs."""

import tomllib

import pytest

from docs.markdown import ROOT, read

GROUP = "sealring.kms.v1"


def entry_points(folder):
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("entry-points", {}).get(GROUP, {})


PLUGINS = [path.parent for path in sorted(ROOT.glob("plugins/*/pyproject.toml")) if entry_points(path.parent)]

every_plugin = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)


def modules(plugin):
    return [path for path in sorted(plugin.glob("src/*/*.py")) if path.name != "__init__.py"]


def readme(plugin):
    return read(plugin / "README.md")
