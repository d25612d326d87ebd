"""The README's snippets, run against a server."""

import json
import re
import shlex
from io import StringIO
from contextlib import redirect_stdout

from docs.markdown import ROOT, blocks, read, rows, section
from sealring.development import _BANNER
from workos import WorkOSClient

README = read("README.md")
URL = "http://127.0.0.1:8420"


def test_the_python_snippet_runs(live):
    (snippet,) = blocks(README, "python")
    said = StringIO()

    with redirect_stdout(said):
        exec(snippet.replace("TOKEN", live.token()).replace(URL, live.url), {})

    assert said.getvalue() == "world\n"


def test_the_python_snippet_is_the_one_that_the_server_prints():
    (snippet,) = blocks(README, "python")

    assert snippet in _BANNER.format(url=URL, token="TOKEN", keys="", data_dir="", env_file="")


def test_the_curl_example_works(live):
    (example,) = blocks(README, "sh")
    variables, command = example.split("\n", 1)
    values = {"$SEALRING_URL": live.url, "$SEALRING_TOKEN": live.token()}
    for name, value in values.items():
        command = command.replace(name, value)
    program, url, *options = shlex.split(command)
    named = dict(zip([f"{name}{place}" for place, name in enumerate(options[::2])], options[1::2], strict=True))

    answer = live.ask(
        "POST",
        url.removeprefix(live.url),
        raw_body=named["-d2"].encode(),
        headers=dict(header.split(": ") for header in (named["-H0"], named["-H1"])),
    )

    assert (program, variables) == ("curl", ". .sealring/dev.env")
    assert answer.status == 201
    assert answer.json["context"] == json.loads(named["-d2"])["key_context"]


def test_the_python_client_takes_the_base_url():
    python, _ = [cells[1] for cells in rows(section(README, "## From WorkOS Vault"))]

    client = eval(python.strip("`"), {"WorkOSClient": WorkOSClient, "token": "a token"})

    assert client._base_url.rstrip("/") == "https://sealring.example.com"


def test_its_commands_are_targets_of_the_makefile():
    named = set(re.findall(r"(?<![\w])make ([a-z]+)", README))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {"dev", "test", "clean"} <= named <= targets
