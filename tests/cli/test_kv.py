"""`sealring kv`, against a real server."""

import json
import os
import pty
import subprocess

import pytest

from support.commands import SEALRING

NAMES = [
    "plain",
    "db/prod/password",
    "//a//",
    "100%",
    "two  words",
    "really?limit=1#x",
    "caf\u00e9 \U0001f511",
    "x/metadata",
    "-dashed",
]
VALUES = {
    "empty": b"",
    "line breaks": b"one\r\ntwo\n\n",
    "NUL": b"a\0b",
    "what a terminal obeys": b"\x1b]0;title\x07\x1b[31m",
    "UTF-8": "w\u00f6rld \U0001f511".encode(),
    "1 MiB": b"x" * (1 << 20),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_put_is_got(kv, org, name):
    kv("put", "--org", org, "--", name, stdin=b"world")

    assert kv("get", "--", name).stdout == "world"


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_comes_back_byte_for_byte(kv, org, value):
    kv("put", "name", "--org", org, "--file", "-", stdin=value)

    assert kv("get", "name").stdout.encode() == value


def test_a_value_comes_from_a_file(kv, org, tmp_path):
    (tmp_path / "value").write_bytes(b"of a file\n")

    kv("put", "name", "--org", org, "--file", tmp_path / "value")

    assert kv("get", "name").stdout == "of a file\n"


def test_a_value_is_asked_for_on_a_terminal_and_not_shown(live, org):
    environment = {**os.environ, "SEALRING_URL": live.url, "SEALRING_TOKEN": live.token(org)}
    command = [SEALRING, "kv", "put", "name", "--org", org]
    leader, follower = pty.openpty()
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment) as asking:
        os.close(follower)
        shown = b""
        while b"Value: " not in shown:
            shown += os.read(leader, 1000)
        os.write(leader, b"typed\n")
        try:
            while more := os.read(leader, 1000):
                shown += more
        except OSError:  # the end of a terminal
            pass
        assert asking.wait(timeout=30) == 0
    os.close(leader)

    assert b"created name, id secret_" in shown
    assert b"typed" not in shown
    assert live.ask("GET", "/vault/v1/kv/name/name", token=live.token(org)).json["value"] == "typed"


def test_a_terminal_gets_a_line_break_after_a_value(live, kv, org):
    kv("put", "name", "--org", org, stdin=b"world")
    environment = {**os.environ, "SEALRING_URL": live.url, "SEALRING_TOKEN": live.token(org)}
    leader, follower = pty.openpty()

    subprocess.run([SEALRING, "kv", "get", "name"], stdout=follower, env=environment, timeout=60, check=True)

    assert os.read(leader, 100) == b"world\r\n"  # \r is the terminal's own
    os.close(leader)
    os.close(follower)


def test_nothing_is_taken_for_a_value_only_if_that_is_said(kv, org):
    refused = kv("put", "name", "--org", org, check=False)

    assert (refused.returncode, refused.stderr) == (
        1,
        "Error: standard input is empty; if the value is, say so with --file -\n",
    )
    assert kv("list").stdout == ""


def test_a_value_is_no_argument(kv, org):
    refused = kv("put", "name", "--org", org, "--value", "secret-value", check=False)

    assert refused.returncode == 2
    assert "--value is not taken" in refused.stderr
    assert "secret-value" not in refused.stderr


def test_bytes_are_to_be_encoded_first(kv, org):
    refused = kv("put", "name", "--org", org, stdin=b"\xff\xfe", check=False)

    assert refused.returncode == 1
    assert "not UTF-8" in refused.stderr
    assert "base64" in refused.stderr


def test_a_list_shows_names_with_their_ids(kv, org):
    made = json.loads(kv("put", "first", "--org", org, "--json", stdin=b"v").stdout)
    kv("put", "second name", "--org", org, stdin=b"v")

    lines = kv("list").stdout.splitlines()

    assert [line.split("  ", 2)[2] for line in lines] == ["second name", "first"]
    assert lines[1] == f"{made['updated_at']}  {made['id']}  first"
    assert [row["name"] for row in json.loads(kv("list", "--json", "--search", "SECOND").stdout)] == ["second name"]


def test_a_list_goes_over_many_pages(kv, live, org):
    body = {"value": "v", "key_context": {"organization_id": org}}
    for number in range(101):
        live.ask("POST", "/vault/v1/kv", token=live.token(org), body={**body, "name": f"name {number}"})

    assert len(kv("list").stdout.splitlines()) == 101


def test_a_list_of_one_organization_shows_no_other(kv, live, org):
    for each in (org, f"{org}_other"):
        kv("put", f"in {each}", "--org", each, stdin=b"v", SEALRING_TOKEN=live.token())

    listed = kv("list", "--org", org, SEALRING_TOKEN=live.token()).stdout

    assert [line.split("  ", 2)[2] for line in listed.splitlines()] == [f"in {org}"]


def test_an_update_makes_a_version_and_the_former_can_be_read(kv, org):
    kv("put", "name", "--org", org, stdin=b"one")
    kv("update", "name", stdin=b"two")

    newest, oldest = kv("versions", "name").stdout.splitlines()

    assert newest.endswith("  current")
    assert not oldest.endswith("current")
    assert kv("get", "name").stdout == "two"
    assert kv("get", "name", "--version", oldest.split()[1]).stdout == "one"


@pytest.mark.parametrize("command", ["update", "delete"])
def test_a_change_of_another_version_is_refused(kv, org, command):
    first = json.loads(kv("put", "name", "--org", org, "--json", stdin=b"one").stdout)["version_id"]
    kv("update", "name", "--version-check", first, stdin=b"two")

    refused = kv(command, "name", "--version-check", first, stdin=b"three", check=False)

    assert refused.returncode == 1
    assert "version_conflict" in refused.stderr
    assert kv("get", "name").stdout == "two"


def test_what_is_deleted_can_be_restored(kv, org):
    kv("put", "name", "--org", org, stdin=b"world")

    said = kv("delete", "name").stdout

    assert "no object of this name" in kv("versions", "name", check=False).stderr
    kv(*said.strip().partition("sealring kv ")[2].split())
    assert kv("get", "name").stdout == "world"


def test_only_the_whole_name_is_meant(kv, org):
    for name in ("name", "name 2", "NAME"):
        kv("put", name, "--org", org, stdin=name.encode())

    kv("delete", "name")

    assert sorted(row["name"] for row in json.loads(kv("list", "--json").stdout)) == ["NAME", "name 2"]


def test_a_name_of_two_organizations_needs_one(kv, live, org):
    other = f"{org}_other"
    for each in (org, other):
        kv("put", "twin", "--org", each, stdin=each.encode(), SEALRING_TOKEN=live.token())

    for command in ("get", "update", "delete", "versions"):
        refused = kv(command, "twin", stdin=b"v", check=False, SEALRING_TOKEN=live.token(org, other))
        assert refused.returncode == 1
        assert "several organizations" in refused.stderr.lower()
    assert kv("get", "twin", "--org", other, SEALRING_TOKEN=live.token()).stdout == other
