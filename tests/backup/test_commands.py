"""The commands, as a person runs them, and the page that shows them."""

import hashlib
import os
import pty
import re
import shlex
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from docs.markdown import blocks, read, section
from sealring.store.connection.links import Links
from support.commands import SEALRING
from support.make import ACME, caller, context
from support.roots import replace_roots

TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
BACKUP = ("backup", "--output", "data", "--keys", "keys")
RESTORE = ("restore", "data", "--keys", "keys")


@pytest.fixture
def run(installed, run_sealring):
    """Runs a command with the settings of the installation."""
    return partial(run_sealring, check=False, folder=installed.folder, SEALRING_CONFIG=str(installed.settings.path))


@pytest.fixture
def made(opened):
    return opened.use.objects.create(caller(ACME), name="name", value="v", context=context())


def use_the_other(installed):
    (installed.folder / "etc" / "store-url").write_text(installed.other_url)


def test_a_backup_says_what_it_holds(run, installed, made):
    said = run(*BACKUP)

    sha256 = {name: hashlib.sha256((installed.folder / name).read_bytes()).hexdigest() for name in ("data", "keys")}
    assert said.stdout.splitlines() == [
        "1 objects, 0 older versions, 1 KEKs of 1 scopes, 0 bindings, 0 revocations, 3 audit entries",
        f"data: SHA-256 {sha256['data']}",
        f"keys: SHA-256 {sha256['keys']}",
    ]
    assert said.stderr == "backup\n"
    assert said.returncode == 0


def test_a_backup_in_a_pipe_is_the_same_file(run, installed, made):
    said = run("backup", "--output", "-", "--keys", "keys")
    piped = said.stdout.encode(errors="surrogateescape")
    (installed.folder / "data").write_bytes(piped)
    use_the_other(installed)

    assert said.returncode == 0
    assert f"-: SHA-256 {hashlib.sha256(piped).hexdigest()}" in said.stderr.splitlines()
    assert run(*RESTORE).returncode == 0


def test_a_backup_in_a_pipe_that_is_cut_off_is_not_restored(run, installed, made):
    piped = run("backup", "--output", "-", "--keys", "keys").stdout.encode(errors="surrogateescape")
    (installed.folder / "data").write_bytes(piped[:-1])
    use_the_other(installed)

    refused = run(*RESTORE)

    assert (refused.returncode, refused.stderr.splitlines()[-1]) == (
        1,
        "Error: data was altered or cut off; take another copy of it",
    )


def test_a_backup_into_a_full_disk_fails_in_a_line(installed, made):
    command = [SEALRING, "backup", "--output", "-", "--keys", "keys", "--config", installed.settings.path]

    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            command, cwd=installed.folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "Error: standard output cannot be written (No space left on device)"
    assert not (installed.folder / "keys").exists()


def test_a_backup_is_not_written_to_a_terminal(installed, made):
    command = [SEALRING, "backup", "--output", "-", "--keys", "keys", "--config", installed.settings.path]
    leader, follower = pty.openpty()

    ended = subprocess.run(
        command, cwd=installed.folder, stdout=follower, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )

    os.close(follower)
    os.close(leader)
    assert (ended.returncode, ended.stderr) == (
        1,
        "Error: standard output is a terminal; pipe it into a program, or give --output a file\n",
    )


def test_a_restore_says_what_it_restored(run, installed, made):
    run(*BACKUP)
    use_the_other(installed)

    said = run(*RESTORE)

    lost, restored = said.stdout.splitlines()
    assert re.fullmatch(
        rf"revocations of tokens after {TIME} may be missing: repeat them with `sealring token revoke`", lost
    )
    assert (
        restored
        == "restored 1 objects, 0 older versions, 1 KEKs of 1 scopes, 0 bindings, 0 revocations, 3 audit entries; 0 findings"
    )
    assert said.stderr == "check\nrestore\nverify\n"
    assert run("check-config").returncode == 0


@pytest.mark.parametrize("options", [(), ("--unwrap",)])
def test_verify_says_that_all_is_well(run, made, options):
    said = run("verify", *options)

    assert (
        said.stdout
        == "1 objects, 0 older versions, 1 KEKs of 1 scopes, 0 bindings, 0 revocations, 3 audit entries; 0 findings\n"
    )
    assert said.returncode == 0


def test_verify_says_what_is_wrong_and_exits_with_1(run, opened, made):
    opened.links.call((b"SET", opened.parts.keyspace.object(made.id), b"noise"))

    said = run("verify")

    assert said.stdout.splitlines() == [
        f"{made.id}: its record was altered",
        "1 objects, 0 older versions, 1 KEKs of 1 scopes, 0 bindings, 0 revocations, 3 audit entries; 1 findings",
    ]
    assert said.returncode == 1


def test_a_restore_with_findings_exits_with_1(run, installed, opened, made):
    opened.links.call((b"SET", opened.parts.keyspace.object(made.id), b"noise"))
    run(*BACKUP)
    use_the_other(installed)

    said = run(*RESTORE)

    assert said.returncode == 1
    assert run("check-config").returncode == 0


@pytest.mark.parametrize(("name", "other"), [("data", "keys"), ("keys", "data")])
def test_a_backup_replaces_a_file_only_when_it_is_told_to(run, installed, name, other):
    (installed.folder / name).write_text("precious")

    failed = run(*BACKUP)

    assert failed.stderr == f"Error: {name} exists; choose another file, or replace it with --force\n"
    assert failed.returncode == 1
    assert (installed.folder / name).read_text() == "precious"
    assert not (installed.folder / other).exists()
    assert run(*BACKUP, "--force").returncode == 0
    assert (installed.folder / name).read_bytes()[:4] == b"SLRB"


@pytest.mark.parametrize("again", ["data", "etc/../data", "linked/data"])
def test_one_file_is_not_taken_for_both(run, installed, again):
    (installed.folder / "linked").symlink_to(installed.folder)

    failed = run("backup", "--output", "data", "--keys", installed.folder / again)

    assert failed.stderr == "Error: --output and --keys name the same file; choose two\n"
    assert failed.returncode == 1
    assert not (installed.folder / "data").exists()


def test_files_that_were_swapped_are_one_line(run, installed, made):
    run(*BACKUP)
    use_the_other(installed)

    failed = run("restore", "keys", "--keys", "data")

    assert failed.stderr == "Error: keys is the file of key records: give it with --keys\n"
    assert failed.returncode == 1


def test_what_cannot_be_restored_is_one_line(run, installed, made):
    run(*BACKUP)
    use_the_other(installed)
    replace_roots(installed.folder / "etc" / "root.key")

    failed = run(*RESTORE)

    assert re.fullmatch(r"Error: the backup was made with other keys of 'local', or was altered: .*\n", failed.stderr)
    assert failed.returncode == 1


def test_the_user_of_the_documentation_has_the_rights_for_all_of_it(run, installed, opened, made, engines):
    line = blocks(section(read("docs/storage.md"), "## A user for sealring"), "")[0]
    rules = line.split()[2:]
    urls = [url.replace("unix://", "unix://sealring:a-long-password@") for url in engines]
    with closing(Links.to(engines[1])) as other:
        for links in (opened.links, other):
            links.call((b"ACL", b"SETUSER", b"sealring", b"reset", *rules))
    (installed.folder / "etc" / "store-url").write_text(urls[0])

    statuses = [run("verify").returncode, run(*BACKUP).returncode]
    (installed.folder / "etc" / "store-url").write_text(urls[1])
    statuses.append(run(*RESTORE).returncode)

    assert statuses == [0, 0, 0]


def test_the_commands_of_the_page_do_what_it_says(run, installed, made):
    """In their order; before the restore, the settings lead to an empty store."""
    lines = [line for block in blocks(read("docs/backup.md"), "sh") for line in block.splitlines()]

    for line in lines:
        if line.startswith("sealring restore"):
            use_the_other(installed)
        assert run(*shlex.split(line)[1:]).returncode == 0

    assert [line.split()[1] for line in lines] == ["backup", "restore", "verify", "verify"]
