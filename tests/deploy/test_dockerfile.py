"""The Dockerfile makes the tree of deploy/image/layout.py, and adds nothing to it."""

import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy import dockerfile
from deploy.layout import layout
from docs.markdown import ROOT

ARGUMENTS, STAGES = dockerfile.read()
BUILD, _, IMAGE = STAGES


def copied(stage):
    """What is copied from the context, by its path in the working folder."""
    sources = {}
    for value in stage.all("COPY"):
        *names, target = value.split()
        for name in names:
            sources[name] = (
                f"{target.removesuffix('/')}/{name.rpartition('/')[2]}".removeprefix("./")
                if target.endswith("/")
                else target
            )
    return sources


def test_it_copies_what_the_layout_reads_to_the_same_paths():
    assert copied(BUILD) == {name: name for name in layout.INPUTS}


def test_the_context_holds_no_more_than_that_needs():
    kept = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)

    assert (ROOT / ".dockerignore").read_text().startswith("*\n")
    assert sorted(kept) == sorted({name.partition("/")[0] for name in layout.INPUTS})


def test_its_only_step_is_the_layout():
    command = shlex.split(BUILD.one("RUN"))

    assert command[:3] == ["python", "deploy/image/layout.py", "/image"]
    assert dict(zip(command[3::2], command[4::2], strict=True)) == {
        "--plugins": "$PLUGINS",
        "--softhsm": "$SOFTHSM",
        "--sbom": "/sbom.cdx.json",
    }
    assert BUILD.one("WORKDIR") == "/src"


def test_all_plugins_and_softhsm_are_there_unless_a_build_says_otherwise():
    assert BUILD.all("ARG") == [f'PLUGINS="{layout.PLUGINS}"', "SOFTHSM=yes"]
    folders = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")}
    assert set(layout.PLUGINS.split()) == folders - {"api", "example"}


def test_the_base_is_named_by_a_digest_that_each_build_gives():
    assert ARGUMENTS == ["BASE=docker.io/library/python:3.13-slim-bookworm", "BASE_DIGEST"]
    assert BUILD.base == "${BASE}@${BASE_DIGEST}"


def test_the_image_is_the_tree_alone():
    assert IMAGE.base == "scratch"
    assert IMAGE.all("COPY") == ["--from=build /image /"]
    assert IMAGE.all("RUN") == []


def test_it_runs_as_the_user_of_the_settings_by_number():
    assert IMAGE.one("USER") == f"{layout.USER}:{layout.USER}"
    assert IMAGE.one("VOLUME") == f"/{layout.SETTINGS}"


def test_it_serves_and_says_whether_it_does():
    assert IMAGE.words("ENTRYPOINT") == ["sealring"]
    assert IMAGE.words("CMD") == ["serve", "--bind", "0.0.0.0:8420"]
    assert IMAGE.one("EXPOSE") == "8420"
    assert "http://127.0.0.1:8420/livez" in IMAGE.one("HEALTHCHECK")


class Live(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def live():
    """The address of a server that is alive."""
    with HTTPServer(("127.0.0.1", 0), Live) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_its_check_of_health_asks_no_proxy(live, variable):
    _, flag, code = IMAGE.health
    command = [sys.executable, flag, code.replace("http://127.0.0.1:8420", live)]

    done = subprocess.run(
        command, env={variable: "http://127.0.0.1:1"}, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "label", ["title", "description", "licenses", "version", "revision", "base.name", "base.digest"]
)
def test_it_has_the_labels_of_oci(label):
    assert re.search(rf'org\.opencontainers\.image\.{re.escape(label)}="[^"]+"', IMAGE.one("LABEL"))


def test_no_variable_of_it_holds_a_secret():
    assert IMAGE.environment == {"PATH": "/usr/local/bin", "PYTHONDONTWRITEBYTECODE": "1"}
