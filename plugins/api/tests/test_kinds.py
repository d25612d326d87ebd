"""A key or a provider of one kind in the place of another does not type-check."""

import os
import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"

MIXED = """
from collections.abc import Mapping
from sealring_plugin import *

def wrong_keys(
    ours: ManagedKeys, theirs: CustomersKeys, our: ManagedKey, their: CustomersKey, bound: WrapContext, call: Call
) -> None:
    ours.wrap(our, b"dek", bound, call)
    theirs.wrap(their, b"dek", bound, call)
    ours.wrap(their, b"dek", bound, call)  # refused
    theirs.wrap(our, b"dek", bound, call)  # refused
    ours.unwrap(WrappedKey("alg", b""), their, bound, call)  # refused
    theirs.unwrap(WrappedKey("alg", b""), our, bound, call)  # refused

def ours_for_theirs(ours: ManagedKeys) -> CustomersKeys:
    return ours  # refused

def theirs_for_ours(theirs: CustomersKeys) -> ManagedKeys:
    return theirs  # refused

def root_for_ours(root: SealsRoot) -> ManagedKeys:
    return root  # refused

def theirs_for_root(theirs: CustomersKeys) -> SealsRoot:
    return theirs  # refused

def build_ours(config: Mapping[str, ConfigValue]) -> ManagedKeys: ...
def build_theirs(config: Mapping[str, ConfigValue]) -> CustomersKeys: ...

ManagedSpec(name="ours", config=(), build=build_ours, max_wraps=None)
CustomersSpec(name="theirs", config=(), build=build_theirs, bound_as="THEIRS")
ManagedSpec(name="ours", config=(), build=build_theirs, max_wraps=None)  # refused
CustomersSpec(name="theirs", config=(), build=build_ours, bound_as="THEIRS")  # refused
"""


def test_keys_and_providers_of_different_kinds_do_not_mix(tmp_path):
    (tmp_path / "mixed.py").write_text(MIXED)
    expected = [number for number, line in enumerate(MIXED.splitlines(), start=1) if "# refused" in line]

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--disable-error-code=empty-body", "mixed.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert [
        int(number) for number in re.findall(r"^mixed\.py:(\d+): error: ", checked.stdout, re.MULTILINE)
    ] == expected
