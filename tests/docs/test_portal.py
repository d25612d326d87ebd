"""The settings and the calls of docs/portal.md work as they stand there."""

import shlex
import subprocess
import sys
import tomllib

from docs.markdown import blocks, read, section
from sealring.services.portal_rules import PortalRules
from sealring.table import Table

PAGE = read("docs/portal.md")
CALLS = section(PAGE, "## Making a link")
URL = "http://127.0.0.1:8420"
LINK = "http://localhost:8420/portal?token="


def test_the_settings_switch_it_on(tmp_path):
    (settings,) = blocks(section(PAGE, "## Switching it on"), "toml")

    rules = PortalRules.parse(Table("[portal]", tomllib.loads(settings)["portal"]), tmp_path)

    assert (rules.url, rules.return_hosts) == ("https://keys.example.com", {"app.example.com"})


def test_the_python_snippet_makes_a_link(live):
    (snippet,) = blocks(CALLS, "python")
    program = snippet.replace("TOKEN", live.token("org_acme")).replace(URL, live.url)

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert said.stdout.startswith(LINK)


def test_the_curl_example_makes_a_link(live):
    (example,) = blocks(CALLS, "sh")
    command = shlex.split(example.replace(URL, live.url).replace("$TOKEN", live.token("org_acme")))
    curl, method_flag, method, _, authorization, _, content_type, url, data_flag, data = command

    answer = live.ask(
        method,
        url.removeprefix(live.url),
        raw_body=data.encode(),
        headers=dict(header.split(": ") for header in (authorization, content_type)),
    )

    assert (curl, method_flag, data_flag) == ("curl", "-X", "-d")
    assert (answer.status, answer.json["link"][: len(LINK)]) == (201, LINK)
