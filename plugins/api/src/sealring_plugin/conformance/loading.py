"""A plugin is found by its entry point, and loading its spec imports no SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from sealring_plugin.conformance.cases import Provider
from sealring_plugin.conformance.hooks import Hooks
from sealring_plugin.conformance.subject import Promises
from sealring_plugin.protocols import ManagedKeys
from sealring_plugin.spec import API_VERSION, ENTRY_POINT_GROUP, ManagedSpec

_LISTING = """
import importlib, json, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


class Loading(Promises):
    """Promises about the entry point and the spec."""

    def test_the_entry_point_leads_to_the_spec(self) -> None:
        module, _, name = entry_point(self).partition(":")

        assert getattr(import_module(module), name) == self.spec

    def test_the_spec_is_for_this_version_of_the_contract(self) -> None:
        assert self.spec.api_version == API_VERSION

    def test_the_provider_is_of_the_kind_that_its_spec_says(self, provider: Provider) -> None:
        assert isinstance(provider, ManagedKeys) == isinstance(self.spec, ManagedSpec)

    def test_importing_the_spec_imports_no_sdk(self) -> None:
        module = entry_point(self).partition(":")[0]
        own = {module.partition(".")[0], "sealring_plugin", *self.light_imports}

        assert sorted(imported_by(module) - own - sys.stdlib_module_names) == []


@cache
def installed(name: str) -> EntryPoint | None:
    """Return the entry point of that name, or None unless exactly one distribution has it."""
    found = [each for each in entry_points(group=ENTRY_POINT_GROUP) if each.name == name]
    return found[0] if len(found) == 1 else None


def entry_point(hooks: Hooks) -> str:
    found = installed(hooks.spec.name)
    where = hooks.entry_point or (found.value if found else "")
    if not where:
        raise AssertionError(f"no entry point {hooks.spec.name!r} in the group {ENTRY_POINT_GROUP!r}: is it installed?")
    return where


@cache
def imported_by(module: str) -> frozenset[str]:
    """Return the packages that a new interpreter imports for a module."""
    path = os.pathsep.join(each for each in sys.path if each)
    listed = subprocess.run(  # noqa: S603  this very interpreter, and a module that is imported already
        [sys.executable, "-c", _LISTING, module],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )
    names: list[str] = json.loads(listed.stdout.splitlines()[-1])
    return frozenset(names)
