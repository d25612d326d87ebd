"""`sealring kv` says in a line what is refused or missing, and shows nothing that it should not."""

import os
import subprocess
import time
from pathlib import Path

import jwt
import pytest

from sealring.domain.principal import Permission
from support.commands import SEALRING
from support.live import ALL_PERMISSIONS
from support.scripted import answered, scripted


def test_a_missing_permission_is_said(kv, live, org):
    token = live.token(org, permissions=ALL_PERMISSIONS - {Permission.OBJECTS_CREATE})

    refused = kv("put", "name", "--org", org, stdin=b"v", check=False, SEALRING_TOKEN=token)

    assert refused.returncode == 1
    assert "the token needs vault:objects:create. (403 forbidden, request id " in refused.stderr


def test_a_token_that_is_refused_is_said_to_have_expired(kv, live):
    expired = jwt.encode({"exp": int(time.time()) - 3_700}, "a key that nobody trusts, of 32 bytes", "HS256")

    refused = kv("list", check=False, SEALRING_TOKEN=expired)

    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "Error: the server refuses the token: it expired 1 hour ago; put a valid one into the file of "
        "SEALRING_TOKEN_FILE, or into SEALRING_TOKEN (401 unauthenticated, request id "
    )


def test_a_name_is_not_restored_but_an_id(kv, org):
    kv("put", "name", "--org", org, stdin=b"v")
    kv("delete", "name")

    refused = kv("restore", "name", check=False)

    assert refused.returncode == 1
    assert "restore takes the id that `delete` printed, not a name\n" in refused.stderr


def test_two_organizations_of_one_command_are_refused(kv, org):
    refused = kv("put", "name", "--org", org, "--context", "organization_id=another", stdin=b"v", check=False)

    assert refused.returncode == 2


@pytest.mark.parametrize(
    "variables", [{"SEALRING_URL": ""}, {"SEALRING_TOKEN": ""}, {"SEALRING_URL": "http://192.0.2.1"}]
)
def test_what_is_missing_is_said_in_a_line(kv, variables):
    refused = kv("list", check=False, **variables)

    assert refused.returncode in {1, 2}
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_what_a_server_says_does_not_reach_a_terminal_as_it_is(run_sealring):
    row = '{"updated_at": "t", "id": "i", "name": "a\\u001b[31m\\u202eb"}'
    listed = answered(200, '{"data": [%s], "list_metadata": {"after": null}}' % row)  # noqa: UP031  braces
    refused = answered(403, '{"message": "\\u001b]0;x\\u0007", "code": "c", "request_id": "r"}')
    with scripted(listed, refused) as server:
        variables = {"SEALRING_URL": server.url, "SEALRING_TOKEN": "a-token"}
        shown = run_sealring("kv", "list", **variables).stdout
        said = run_sealring("kv", "list", check=False, **variables).stderr

    assert shown == "t  i  a\ufffd[31m\ufffdb\n"
    assert "\x1b" not in said


def test_a_list_without_an_end_and_a_long_message_are_cut_off(run_sealring):
    page = answered(200, '{"data": [], "list_metadata": {"after": "x"}}')
    refused = answered(403, '{"message": "%s", "code": "c", "request_id": "r"}' % (5_000 * "m"))
    with scripted(page, page, refused) as server:
        variables = {"SEALRING_URL": server.url, "SEALRING_TOKEN": "a-token"}
        listed = run_sealring("kv", "list", check=False, **variables)
        said = run_sealring("kv", "list", check=False, **variables).stderr

    assert (listed.returncode, listed.stderr) == (1, "Error: the list of the server does not end\n")
    assert 900 < len(said) < 1_200


def test_a_token_that_a_server_says_is_not_repeated(run_sealring, live, org):
    token = live.token(org)
    with scripted(answered(403, '{"message": "%s", "code": "c", "request_id": "r"}' % token)) as server:  # noqa: UP031
        said = run_sealring("kv", "list", check=False, SEALRING_URL=server.url, SEALRING_TOKEN=token)

    assert said.returncode == 1
    assert token[10:40] not in said.stdout + said.stderr


def test_a_pipe_that_closes_ends_it_quietly(live, kv, org):
    kv("put", "name", "--org", org, stdin=b"x" * (1 << 20))
    environment = {**os.environ, "SEALRING_URL": live.url, "SEALRING_TOKEN": live.token(org)}

    piped = subprocess.run(
        f"{SEALRING} kv get name | head -c 1", shell=True, capture_output=True, env=environment, timeout=60, check=True
    )

    assert (piped.stdout, piped.stderr) == (b"x", b"")


@pytest.mark.parametrize("command", [("kv", "get", "name"), ("kv", "list"), ("--help",), ("plugins",)])
def test_a_full_disk_is_said_in_a_line(live, kv, org, command):
    kv("put", "name", "--org", org, stdin=b"world")
    environment = {**os.environ, "SEALRING_URL": live.url, "SEALRING_TOKEN": live.token(org)}

    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [SEALRING, *command], stdout=full, stderr=subprocess.PIPE, env=environment, timeout=60, check=False
        )

    assert ended.returncode == 1
    assert ended.stderr == b"Error: No space left on device\n"
