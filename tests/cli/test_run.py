"""`sealring run`: a program with secrets, or no program."""

import itertools
import json
import os
import signal
import subprocess
import sys

import pytest

from sealring.domain.principal import Permission
from support.commands import SEALRING
from support.live import ALL_PERMISSIONS
from support.scripted import answered, scripted
from support.waiting import becomes_true

_numbers = itertools.count(1)

SHOW = (sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")


@pytest.fixture
def org():
    return f"org_run_{next(_numbers)}"


@pytest.fixture
def put(live, org):
    def create(name, value, **pairs):
        body = {"name": name, "value": value, "key_context": {"organization_id": org, **pairs}}
        assert live.ask("POST", "/vault/v1/kv", token=live.token(org), body=body).status == 201

    return create


@pytest.fixture
def run(run_sealring, live, org):
    def start(*arguments, **given):
        variables = {"SEALRING_URL": live.url, "SEALRING_TOKEN": live.token(org)}
        return run_sealring("run", "--org", org, *arguments, **variables | given)

    return start


def test_a_program_gets_the_secrets_of_its_context_and_no_others(run, put):
    put("db-password", "hunter2\n")
    put("settings", '{"a": [1]}')
    put("other-context", "v", service="billing")

    shown = json.loads(run("--", *SHOW).stdout)

    assert (shown["DB_PASSWORD"], shown["SETTINGS"]) == ("hunter2\n", '{"a": [1]}')
    assert "OTHER_CONTEXT" not in shown
    assert json.loads(run("--context", "service=billing", "--", *SHOW).stdout)["OTHER_CONTEXT"] == "v"


def test_the_other_spelling_of_an_organization_is_the_same(run, live, org):
    body = {"name": "camel", "value": "v", "key_context": {"organizationId": org}}
    live.ask("POST", "/vault/v1/kv", token=live.token(org), body=body)

    assert json.loads(run("--", *SHOW).stdout)["CAMEL"] == "v"


def test_the_exit_status_is_that_of_the_program(run, put):
    put("name", "v")

    assert run("--", "sh", "-c", "exit 7", check=False).returncode == 7


def test_options_after_the_program_are_its_own(run, put):
    put("name", "v")

    assert run("echo", "--org", "another", "-h").stdout == "--org another -h\n"


def test_the_program_is_the_process_itself_and_gets_its_signals(live, put, org, tmp_path):
    put("name", "v")
    started = tmp_path / "started"
    command = [SEALRING, "run", "--org", org, "--", "sh", "-c", f"echo $$ > {started}; exec sleep 60"]
    environment = {**os.environ, "SEALRING_URL": live.url, "SEALRING_TOKEN": live.token(org)}

    with subprocess.Popen(command, env=environment) as running:
        assert becomes_true(lambda: started.exists() and started.read_text().strip() != "")
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=30) == -signal.SIGTERM

    assert started.read_text().strip() == str(running.pid)


def test_a_pipe_that_closes_ends_the_program_as_usual(live, put, org):
    put("name", "v")
    environment = {**os.environ, "SEALRING_URL": live.url, "SEALRING_TOKEN": live.token(org)}

    piped = subprocess.run(
        ["bash", "-c", f"{SEALRING} run --org {org} -- yes | head -n 1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, env=environment, timeout=60, check=True,
    )  # fmt: skip

    assert (piped.stdout, piped.stderr) == (f"y\n{128 + signal.SIGPIPE}\n", "")


def test_the_program_gets_no_token_unless_that_is_said(run, put, live, org, tmp_path):
    put("name", "v")
    token = live.token(org)
    (tmp_path / "token").write_text(token)

    of_a_file = run("--", *SHOW, SEALRING_TOKEN="", SEALRING_TOKEN_FILE=str(tmp_path / "token")).stdout

    assert token not in run("--", *SHOW, SEALRING_TOKEN=token).stdout
    assert "SEALRING_TOKEN" not in of_a_file
    assert json.loads(run("--keep-token", "--", *SHOW, SEALRING_TOKEN=token).stdout)["SEALRING_TOKEN"] == token


@pytest.fixture
def witness(tmp_path):
    """A program that leaves a trace, and what asserts that it did not."""
    trace = tmp_path / "trace"

    def check(ended, status, said):
        assert (ended.returncode, trace.exists()) == (status, False)
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr

    return ("touch", str(trace)), check


@pytest.mark.parametrize("lacking", [Permission.OBJECTS_LIST, Permission.OBJECTS_READ])
def test_nothing_is_started_without_a_permission(run, put, live, org, witness, lacking):
    put("name", "v")
    program, check = witness

    ended = run("--", *program, check=False, SEALRING_TOKEN=live.token(org, permissions=ALL_PERMISSIONS - {lacking}))

    check(ended, 125, f"the token needs {lacking.value}.")


def test_nothing_is_started_without_a_server(run, witness):
    program, check = witness

    check(run("--", *program, check=False, SEALRING_URL="http://127.0.0.1:1"), 125, "The command was not started")


def test_nothing_is_started_without_a_secret(run, witness):
    program, check = witness

    check(run("--", *program, check=False), 125, "no secret with exactly this key context")


def test_nothing_is_started_with_half_of_the_secrets(run, witness):
    program, check = witness
    rows = [{"id": f"id{number}", "name": f"name{number}", "updated_at": "t"} for number in (1, 2)]
    metadata = {"context": {"organization_id": "org"}}
    answers = [
        {"data": rows, "list_metadata": {"before": None, "after": None}},
        {"id": "id1", "name": "name1", "metadata": metadata},
        {"id": "id1", "name": "name1", "value": "v", "metadata": metadata},
        {"id": "id2", "name": "name2", "metadata": metadata},
    ]
    broken = answered(500, '{"message": "Broken.", "code": "internal_error", "request_id": "r"}')
    with scripted(*(answered(200, json.dumps(each)) for each in answers), broken) as server:
        ended = run("--org", "org", "--", *program, check=False, SEALRING_URL=server.url)

    assert len(server.requests) == 5
    check(ended, 125, "Broken.")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ld-preload", "v", "decides what programs load"),
        ("2fa", "v", "is no name of a variable"),
        ("home", "v", "decides what programs load"),
        ("a", "x\0y", "has a NUL in it"),
    ],
)
def test_nothing_is_started_with_what_no_variable_can_be(run, put, witness, name, value, said):
    put(name, value)
    program, check = witness

    check(run("--", *program, check=False), 125, said)


def test_two_names_of_one_variable_start_nothing(run, put, witness):
    put("db-password", "a")
    put("db.password", "b")
    program, check = witness

    check(run("--", *program, check=False), 125, "two secrets would be DB_PASSWORD")


def test_a_value_that_is_too_large_for_a_variable_starts_nothing(run, put, witness):
    put("name", "x" * (1 << 20))
    program, check = witness

    check(run("--", *program, check=False), 126, "too large for the environment")


def test_a_program_that_is_missing_is_said(run, put, tmp_path):
    put("name", "v")
    (tmp_path / "plain").touch()

    missing, plain = (run("--", each, check=False) for each in ("no-such-program", tmp_path / "plain"))

    assert (missing.returncode, plain.returncode) == (127, 126)
    assert missing.stderr == "Error: 'no-such-program' cannot be executed (No such file or directory)\n"


def test_a_context_must_be_said(run_sealring, live, org):
    ended = run_sealring("run", "--", "true", check=False, SEALRING_URL=live.url, SEALRING_TOKEN=live.token(org))

    assert ended.returncode == 2
    assert "Say the key context" in ended.stderr
