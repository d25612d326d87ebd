"""Shares on paper start a server and move its root keys to another KMS."""

import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from sealring.domain.root_seal import RootSeal
from sealring_example.kms import Kms
from support.ports import free_port
from support.waiting import becomes_true

SEALRING_HERE = [sys.executable, "-c", "from sealring.cli.main import main; main()"]


@pytest.fixture(autouse=True)
def _at_hand(kms):
    kms.states.clear()
    yield
    kms.states.clear()


@pytest.fixture
def shares(installed, run):
    installed.file("recovery").unlink(missing_ok=True)
    done = run("root", "recovery-key", "--config", installed.path)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n\n")[1:6]


def words(share):
    return share.splitlines()[1]


def test_a_server_starts_with_three_shares_on_paper(installed, kms, shares, tmp_path):
    kms.states["1"] = "KEY_DESTROYED"
    log = tmp_path / "log"
    command = [*SEALRING_HERE, "serve", "--recovery-key", "--config", str(installed.path)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{free_port()}"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    process.stdin.write("\n".join(map(words, shares[1:4])).encode())
    process.stdin.close()

    try:
        assert becomes_true(lambda: "making the recovery key" in log.read_text())
        process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: log.read_text().count(" serves") == 2)
        assert words(shares[1]) not in log.read_text()
        assert log.read_text().count("the root keys were opened by the recovery key") == 1
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_a_server_starts_with_three_shares_beside_an_altered_seal_and_is_reloaded(installed, shares, tmp_path, run):
    before, log = installed.file("1").read_text(), tmp_path / "log"
    assert run("root", "reseal", "--config", installed.path).returncode == 0
    seal = RootSeal.parse(installed.file("1").read_text())
    installed.file("1").write_text(replace(seal, head=replace(seal.head, root_id=bytes(16))).encode())
    command = [*SEALRING_HERE, "serve", "--recovery-key", "--config", str(installed.path)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{free_port()}"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    process.stdin.write("\n".join(map(words, shares[:3])).encode())
    process.stdin.close()

    try:
        assert becomes_true(lambda: log.read_text().count(" serves") == 2, within_s=60)
        process.send_signal(signal.SIGHUP)
        assert becomes_true(lambda: log.read_text().count(" serves") == 4, within_s=60)
        assert log.read_text().count("the root keys that the server has stay in use, but no seal opens: seal 1") == 2
    finally:
        process.terminate()
        assert process.wait(20) == 0
        installed.file("1").write_text(before)


def test_root_keys_move_to_another_kms_by_the_recovery_key(installed, kms, shares, tmp_path, run):
    another = Kms(keys=("1",))
    another.start()
    before, root = installed.path.read_text(), installed.seals.open()
    seal = installed.file("1").read_text()
    kms.states["1"] = "KEY_DESTROYED"
    try:
        installed.path.write_text(before.replace(kms.endpoint, another.endpoint))
        done = run(
            "root",
            "reseal",
            "--recovery-key",
            "--config",
            installed.path,
            told="\n".join(map(words, shares[:3])),
        )

        assert (done.returncode, done.stdout) == (0, f"seal {installed.file('1')} by example\n")
        assert installed.seals.open() == root
    finally:
        installed.path.write_text(before)
        installed.file("1").write_text(seal)
        another.stop()


def test_two_shares_open_nothing(installed, shares, run):
    done = run("serve", "--recovery-key", "--config", installed.path, told="\n".join(map(words, shares[:2])))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[1:] == [
        "Error: the recovery key needs 3 different shares, each in a line of its own"
    ]


def test_a_recovery_key_is_replaced_only_by_the_operators_word(installed, shares, run):
    done = run("root", "recovery-key", "--config", installed.path)

    assert done.returncode == 1
    assert done.stderr == (
        "Error: there is a recovery key already: replace it with --replace, and destroy its shares\n"
    )
    assert run("root", "recovery-key", "--replace", "--config", installed.path).returncode == 0


@pytest.mark.parametrize("seen", ["share 1\n", "share 5\n"], ids=["at once", "after all was written"])
def test_a_recovery_key_whose_reader_ended_replaces_none(installed, shares, seen):
    seal = installed.file("recovery").read_bytes()
    command = [*SEALRING_HERE, "root", "recovery-key", "--replace", "--config", str(installed.path)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.stdout.readline() not in {seen, ""}:
            pass
        process.stdout.close()
        said = process.stderr.read()

    assert process.returncode == 1
    assert said in {"", "Error: nobody reads standard output any more, so no recovery key was made\n"}
    assert installed.file("recovery").read_bytes() == seal


def test_shares_are_in_no_file(installed, shares):
    for file in installed.folder.iterdir():
        assert [share for share in shares if words(share).encode() in file.read_bytes()] == []
