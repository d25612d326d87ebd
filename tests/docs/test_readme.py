"""The README's snippets, run against a server."""

import json
import re
import shlex
import subprocess
import sys

from workos import WorkOSClient

from docs.markdown import ROOT, blocks, read, rows, section
from sdk.versions import SDKS
from sealring.operator.development import _BANNER

README = read("README.md")
URL = "http://127.0.0.1:8420"


def test_the_python_snippet_runs(live):
    (snippet,) = blocks(README, "python")
    program = snippet.replace("TOKEN", live.token()).replace(URL, live.url)

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert said.stdout == "world\n"


def test_the_python_snippet_is_the_one_that_the_server_prints():
    (snippet,) = blocks(README, "python")

    assert snippet in _BANNER.format(url=URL, token="TOKEN", keys="", data_dir="", env_file="", portal="")


def test_the_curl_example_works(live):
    example = blocks(README, "sh")[1]
    variables, command = example.replace("\\\n", "").split("\n", 1)
    command = command.replace("$SEALRING_URL", live.url).replace("$SEALRING_TOKEN", live.token())
    curl, url, authorization_flag, authorization, type_flag, content_type, data_flag, data = shlex.split(command)

    answer = live.ask(
        "POST",
        url.removeprefix(live.url),
        raw_body=data.encode(),
        headers=dict(header.split(": ") for header in (authorization, content_type)),
    )

    assert variables == ". .sealring/dev.env"
    assert (curl, authorization_flag, type_flag, data_flag) == ("curl", "-H", "-H", "-d")
    assert answer.status == 201
    assert answer.json["context"] == json.loads(data)["key_context"]


def test_the_python_client_takes_the_base_url():
    expression = rows(section(README, "## From WorkOS Vault"))[0][2].strip("`")

    client = eval(expression, {"WorkOSClient": WorkOSClient, "token": "a token"})

    assert client._base_url.rstrip("/") == "https://sealring.example.com"


def test_the_commands_of_users_work(run_sealring, live):
    variables, put, get = blocks(README, "sh")[0].splitlines()
    printed, stored = put.split(" | ")
    environment = {"SEALRING_URL": live.url, "SEALRING_TOKEN": live.token()}

    value = subprocess.run(["sh", "-c", printed], capture_output=True, timeout=60, check=True).stdout
    run_sealring(*shlex.split(stored)[1:], stdin=value, **environment)
    got = run_sealring(*shlex.split(get)[1:], **environment).stdout

    assert variables == ". .sealring/dev.env"
    assert (value, got) == (b"hunter2", "hunter2")


def test_the_versions_of_sdks_are_those_that_are_tested():
    listed = {
        language.split(",")[0].lower(): versions
        for language, versions, _ in rows(section(README, "## From WorkOS Vault"))
        if language
    }

    assert listed == {
        language: ", ".join(each.version for each in SDKS if each.language == language)
        for language in ("python", "node", "go", "kotlin", "rust")
    }


def test_its_commands_are_targets_of_the_makefile():
    named = set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)", README, re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {one or other for one, other in named} == {"dev", "test", "clean"}
    assert targets >= {"dev", "test", "clean", "setup"}
