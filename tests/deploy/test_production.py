"""docs/production.md, followed to the letter: all its commands, in order, as root of a machine that nobody else uses."""

import os
import re
import shutil
from pathlib import Path

import pytest

from deploy.overlay import overlay
from docs.markdown import ROOT, blocks, read

pytestmark = [pytest.mark.torture, pytest.mark.timeout(1800)]

PAGE = read("docs/production.md")
STEPS = blocks(PAGE, "sh")
WITH_NETWORK = 2  # what is downloaded is in the first blocks; the others run where there is no network but the loopback
DONE = "== all of it is done =="

_SCRIPT = """
cd {checkout}
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
install -m 0755 tests/deploy/systemctl.py /usr/local/sbin/systemctl
export PATH=/usr/local/sbin:$PATH
rm -rf /etc/sealring /opt/sealring  # of an earlier try on this machine; it keeps its own
{downloads}
cat > /tmp/rest <<'END OF THE REST'
set -x
ip link set lo up
{rest}
echo '{done}'
END OF THE REST
unshare --net bash -eu /tmp/rest
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The files of a release, and nothing that was made in them."""
    folder = tmp_path_factory.mktemp("release") / "sealring"
    made = (
        ".git",
        ".venv",
        ".cache",
        "dist",
        "site",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
        ".pytest_cache",
    )
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*made), symlinks=True)
    return folder


@pytest.fixture(scope="module")
def said(checkout, tmp_path_factory):
    """What the commands say."""
    script = _SCRIPT.format(
        checkout=checkout, done=DONE,
        downloads="\n".join(STEPS[:WITH_NETWORK]), rest="\n".join(STEPS[WITH_NETWORK:]),
    )  # fmt: skip
    with overlay(tmp_path_factory.mktemp("machine")) as machine:
        done = machine.run(script, {**os.environ, "HOME": "/root", "LANG": "C.UTF-8", "TMPDIR": "/tmp"}, seconds=1500)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def test_every_command_of_it_succeeds(said):
    assert said.rstrip().endswith(DONE)


def test_the_server_that_it_makes_keeps_keys_in_a_token(said):
    assert "plugin    ok: hsm" in said
    assert "made the store ready, with 64 partitions" in said


def test_the_store_that_it_makes_keeps_what_is_answered(said):
    assert "durable   ok: single" in said


def test_it_has_no_findings(said):
    assert "0 findings" in said


def test_what_was_stored_is_read_through_tls(said):
    assert '"value":"hunter2"' in said


def test_it_leaves_nothing_on_this_machine(said):
    assert not Path("/etc/systemd/system/sealring.service").exists()
    assert not Path("/opt/sealring").exists()


def test_every_block_that_is_no_command_of_it_names_its_language():
    assert re.findall(r"^```$", PAGE, re.MULTILINE) == ["```"] * len(re.findall(r"^```\w+$", PAGE, re.MULTILINE))
