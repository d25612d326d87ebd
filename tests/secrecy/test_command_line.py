"""The command line says what is wrong with the settings in one line, and quotes no secret from them."""

import subprocess
import sys
from pathlib import Path

import pytest

from sealring.operator import installation
from secrecy.canaries import canary, leaks

SEALRING = Path(sys.executable).with_name("sealring")


@pytest.fixture
def folder(tmp_path):
    list(installation.create_files(tmp_path, "unix:///nowhere/valkey.sock", "local"))
    return tmp_path


def run(folder, command):
    return subprocess.run(
        [SEALRING, *command, "--config", folder / "sealring.toml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=30,
        check=False,
    )


def root_key_missing(folder, secret):
    (folder / "root.key").unlink()


def root_key_damaged(folder, secret):
    (folder / "root.key").write_bytes(secret)


def store_unreachable(folder, secret):
    (folder / "store-url").write_bytes(b"redis://user:%s@127.0.0.1:1/" % secret)


def store_url_broken(folder, secret):
    (folder / "store-url").write_bytes(b"%s://%s" % (secret, secret))


def settings_broken(folder, secret):
    with (folder / "sealring.toml").open("ab") as settings:
        settings.write(b"\n[store.x]\npassword = %s\n" % secret)


FAULTS = (
    root_key_missing,
    root_key_damaged,
    store_unreachable,
    store_url_broken,
    settings_broken,
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_of_bad_settings_quotes_no_secret(folder, fault):
    secret = canary().encode()
    fault(folder, secret)
    signing_key = (folder / "token-key.pem").read_bytes()[40:120]

    ended = run(folder, ["check-config"])

    assert ended.returncode == 1
    assert b"Traceback" not in ended.stdout
    assert leaks(ended.stdout, {"secret": secret, "signing key": signing_key}) == []


def test_a_broken_signing_key_is_not_quoted(folder):
    secret = canary().encode()
    (folder / "token-key.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n" % secret)

    ended = run(folder, ["token", "--all-organizations", "--subject", "x"])

    assert ended.returncode == 1
    assert b"Traceback" not in ended.stdout
    assert leaks(ended.stdout, {"secret": secret}) == []
