"""The drill of docs/operations.md restores a backup beside the installation that it is of."""

import os
import subprocess
from pathlib import Path

import pytest

from backup.kit import install, keys_of
from docs.markdown import blocks, read, section
from sealring.operator.embedded import EmbeddedValkey
from support.commands import SEALRING
from support.make import ACME, caller, context


@pytest.fixture
def stores(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "scratch").mkdir()
    with EmbeddedValkey(tmp_path / "first") as first, EmbeddedValkey(tmp_path / "scratch") as scratch:
        yield first.url, scratch.url


def test_the_drill_restores_the_backup_and_leaves_the_installation_alone(tmp_path, stores, run_sealring):
    installed = install(tmp_path, stores[0], 4)
    with installed.opened() as opened:
        opened.use.objects.create(caller(ACME), name="kept", value="v", context=context())
    run_sealring(
        "backup", "--output", "store.data", "--keys", "store.keys", "--config", installed.settings.path, folder=tmp_path
    )
    before = sorted(keys_of(stores[0]))

    (drill,) = blocks(section(read("docs/operations.md"), "## A drill for the backup"), "sh")
    drill = drill.replace("/etc/sealring", str(installed.settings.path.parent)).replace(
        "redis://127.0.0.1:6399/0", stores[1]
    )
    done = subprocess.run(
        ["sh", "-ec", drill],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(SEALRING).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("1 objects, 0 older versions, 1 KEKs of 1 scopes")
    assert done.stdout.count("; 0 findings") == 2
    assert sorted(keys_of(stores[0])) == before
    assert not (tmp_path / "drill").exists()
