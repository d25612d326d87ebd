"""What would keep a server from its start is said before it, and at it, in one line."""

import pytest

from sealring.auth.signing import create_signing_key
from sealring.operator.embedded import EmbeddedValkey
from support.commands import run_installed
from support.ports import free_port
from support.roots import replace_roots


def test_check_config_reaches_store_and_keys(run, installed):
    said = run("check-config", "--config", installed).stdout

    assert [line.split(":")[0] for line in said.splitlines()] == [
        "settings  ok",
        "plugin    ok",
        "issuer    ok",
        "token     ok",
        "keys      ok",
        "store     ok",
        "durable   ok",
    ]
    assert said.endswith("durable   ok: single\n")


def test_check_config_says_where_the_portal_is(run, installed):
    portal = '[portal]\nenabled = true\nurl = "https://keys.example.com"\n'
    installed.write_text(f"{installed.read_text()}\n{portal}")

    said = run("check-config", "--config", installed).stdout

    assert "portal    ok: https://keys.example.com, links for 300 s\n" in said


def test_check_config_reads_the_look_of_the_portal(run, installed):
    portal = '[portal]\nenabled = true\nurl = "https://keys.example.com"\ncolor = "#ffff00"\n'
    installed.write_text(f"{installed.read_text()}\n{portal}")

    failed = run("check-config", "--config", installed, check=False)

    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: [portal] color #ffff00 has a contrast of 1.1 to white")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b'{"keys":[]}', "is refused: no key for RS256, PS256, ES256 or EdDSA signatures."),
        (b"\xef\xbb\xbf{}", "is refused: it begins with a byte order mark; save it as UTF-8 without BOM."),
    ],
)
def test_check_config_refuses_the_keys_of_an_issuer_as_serve_does(run, installed, content, wrong):
    jwks_file = installed.with_name("token-jwks.json")
    jwks_file.write_bytes(content)

    checked = run("check-config", "--config", installed, check=False)
    served = run("serve", "--config", installed, "--bind", f"127.0.0.1:{free_port()}", "--workers", 1, check=False)

    assert checked.returncode == 1
    assert checked.stderr == f"Error: jwks_file {jwks_file} {wrong}\n"
    assert f"jwks_file {jwks_file} {wrong}" in served.stdout + served.stderr


def test_check_config_says_that_an_issuer_is_out_of_reach(run, installed):
    text = installed.read_text().replace('"token-jwks.json"', '"http://127.0.0.1:1/jwks"')
    installed.write_text(text.replace("jwks_file", "jwks_url"))

    failed = run("check-config", "--config", installed, check=False)

    assert failed.returncode == 1
    assert failed.stderr == (
        "Error: issuer 'urn:sealring:local': its jwks_url on 127.0.0.1:1 gives no keys: connection refused\n"
    )


def test_check_config_says_that_the_signing_key_is_another(run, installed):
    installed.with_name("token-key.pem").unlink()
    create_signing_key(installed.with_name("token-key.pem"))

    for command in (["check-config"], ["token", "--subject", "a", "--org", "org_a"]):
        failed = run(*command, "--config", installed, check=False)

        assert failed.returncode == 1
        assert "does not match the keys of 'urn:sealring:local'" in failed.stderr


def test_check_config_says_that_a_store_is_empty(run, installed, tmp_path):
    with EmbeddedValkey(tmp_path / "other") as store:
        (installed.parent / "store-url").write_text(store.url)
        failed = run("check-config", "--config", installed, check=False)

    assert failed.returncode == 1
    assert (
        failed.stderr
        == "Error: the store is empty: if it is new, make it ready with `sealring init`; if it had data, find out what emptied it, and restore a backup with `sealring restore`\n"
    )


def test_check_config_says_that_a_store_is_away(run, installed):
    (installed.parent / "store-url").write_text("redis://127.0.0.1:1")

    failed = run("check-config", "--config", installed, check=False)

    assert failed.returncode == 1
    why = "Error 111 connecting to 127.0.0.1:1. Connection refused."
    assert failed.stderr == f"Error: The store does not answer. Try again later. ({why})\n"


def test_check_config_says_that_the_root_is_another(run, installed):
    replace_roots(installed.parent / "root.key")

    failed = run("check-config", "--config", installed, check=False)

    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: the store was made with other keys of 'local'")


def test_serve_does_not_start_without_its_root_key(run, installed):
    (installed.parent / "root.key").unlink()

    failed = run("serve", "--config", installed, "--bind", f"127.0.0.1:{free_port()}", "--workers", 1, check=False)

    assert failed.returncode != 0
    assert "cannot start: The key's provider is not set up. (root key file" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_bad_settings_stop_the_start_with_one_line(installed, command):
    installed.write_text(installed.read_text() + "\n[limit]\n")

    failed = run_installed(command, "--config", installed)

    assert failed.returncode == 1
    assert (
        failed.stderr
        == "Error: [limit] is not a setting; known are: store, keys, seal, plugins, issuers, token, limits, server, logs, traces, keyrings, connect, portal\n"
    )


def test_a_missing_plugin_stops_the_start_with_one_line(run, installed):
    installed.write_text(
        installed.read_text().replace("local]", "cloud]").replace('managed = "local"', 'managed = "cloud"')
    )

    failed = run("serve", "--config", installed, check=False)

    assert (
        failed.stderr
        == "Error: [plugins.cloud]: no such plugin is installed; installed are: awskms, azurekv, example, gcpkms, hsm, local, masterkey\n"
    )
