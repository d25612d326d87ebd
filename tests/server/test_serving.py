"""Starting gunicorn, as an operator does: with a configuration of one's own that brings a tiny app."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sealring.domain.pin import Pin
from sealring.operator import installation
from sealring.providers.gateway import THREADS
from sealring.server import serving
from sealring.server.trust_files import TrustFiles
from server.serving_kit import DEADLINE_S, get
from support.waiting import becomes_true, is_gone

OPERATORS_CONFIG = """
from sealring.server.serving import *

wsgi_app = "tiny:app"
pythonpath = {folder!r}
"""

FACTS = """
import ctypes, json, os, resource

def facts(path, scheme):
    return json.dumps({
        "worker": os.getpid(),
        "master": os.getppid(),
        "settings": os.environ["SEALRING_CONFIG"],
        "threads": os.environ["SEALRING_THREADS"],
        "path": path,
        "scheme": scheme,
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if os.path.exists("/proc") else 0,
        "heartbeats": [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                       if os.path.islink(f"/proc/self/fd/{fd}")] if os.path.exists("/proc") else [],
    }).encode()
"""

APPS = {
    "threads": FACTS
    + """
def app(environ, start_response):
    if environ["PATH_INFO"] == "/fault":
        raise LookupError("a secret name")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [facts(environ["PATH_INFO"], environ["wsgi.url_scheme"])]
""",
    "loop": FACTS
    + """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            await send({"type": (await receive())["type"] + ".complete"})
    if scope["path"] == "/fault":
        raise LookupError("a secret name")
    body = facts(scope["path"], scope["scheme"])
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})
""",
}

STARTER = """
import sys
from pathlib import Path
from sealring.server.serving import start_gunicorn
bind, config = sys.argv[1:]
process = start_gunicorn(Path(config).with_name("sealring.toml"), bind=bind, workers=1, gunicorn_config=Path(config))
print(process.pid, flush=True)
process.wait()
"""

SERVER = """
import sys
from pathlib import Path
from sealring.server.serving import serve
bind, config = sys.argv[1:]
print("printed before", end="")
serve(Path(config).with_name("sealring.toml"), bind=bind, workers=1, threads=2, gunicorn_config=Path(config))
"""


def facts(path: Path) -> dict[str, object]:
    return json.loads(get(path).body)


def settings_in(folder: Path) -> Path:
    return folder / installation.SETTINGS_FILE


def write_config(folder: Path) -> Path:
    config = folder / "gunicorn.conf.py"
    config.write_text(OPERATORS_CONFIG.format(folder=str(folder)))
    return config


@pytest.fixture(scope="module", params=["loop", "threads"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def folder(kind: str) -> Iterator[Path]:
    """A folder whose path is short enough for a socket on macOS too, with the tiny app of that kind of worker.

    Its settings are of a store that nobody asks for anything: the tiny app needs none.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        list(installation.create_files(folder, "redis://127.0.0.1:1", "local"))
        settings = settings_in(folder)
        settings.write_text(f'{settings.read_text()}\n[server]\nworker = "{kind}"\n')
        TrustFiles(folder / "store-pin").keep_pin(Pin(bytes(16), bytes(32)))
        (folder / "tiny.py").write_text(APPS[kind])
        yield folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One gunicorn with one worker, on the socket `s` of the folder, its words in `log`."""
    config = write_config(folder)
    kept = os.dup(2)
    with (folder / "log").open("wb") as log:
        os.dup2(log.fileno(), 2)
    try:
        process = serving.start_gunicorn(
            settings_in(folder), bind=f"unix:{folder}/s", workers=1, gunicorn_config=config
        )
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    with process:
        yield process
        process.terminate()


def test_the_master_learns_where_the_settings_are(folder: Path, running: subprocess.Popen[bytes]):
    assert facts(folder / "s")["settings"] == str(folder / "sealring.toml")


def test_the_workers_learn_how_many_threads_they_have(folder: Path, running: subprocess.Popen[bytes]):
    """Of which one organization may keep a share waiting."""
    assert facts(folder / "s")["threads"] == "16"
    assert serving.threads == THREADS


def test_a_worker_leaves_no_core_file(folder: Path, running: subprocess.Popen[bytes]):
    assert facts(folder / "s")["core"] == [1, 1]


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_worker_cannot_be_dumped(folder: Path, running: subprocess.Popen[bytes]):
    assert facts(folder / "s")["dumpable"] == 0


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="Linux's shared memory")
def test_heartbeats_stay_off_the_disk(folder: Path, running: subprocess.Popen[bytes]):
    files = facts(folder / "s")["heartbeats"]

    assert [file for file in files if file.startswith("/dev/shm/wgunicorn-")] != []


def test_the_server_header_does_not_name_gunicorn(folder: Path, running: subprocess.Popen[bytes]):
    assert get(folder / "s").headers["Server"] == "sealring"


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ({"X-Forwarded-Proto": "https"}, "https"),
        ({"X-Forwarded-Proto": "http"}, "http"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off", "X-Forwarded-Protocol": "http"}, "https"),
        ({"X-Forwarded-Ssl": "on"}, "http"),
        ({"X-Forwarded-Protocol": "ssl"}, "http"),
    ],
)
def test_of_a_proxy_no_header_is_believed_but_x_forwarded_proto_and_that_only_by_threads(
    folder: Path, kind: str, running: subprocess.Popen[bytes], headers: Mapping[str, str], scheme: str
):
    response = get(folder / "s", headers=headers)

    assert json.loads(response.body)["scheme"] == {"threads": scheme, "loop": "http"}[kind]


def test_no_part_of_a_path_is_cut_off_it(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCRIPT_NAME", "/vault")
    config = write_config(folder)
    with serving.start_gunicorn(
        settings_in(folder), bind=f"unix:{folder}/own", workers=1, gunicorn_config=config
    ) as process:
        cut_by_us = get(folder / "own", "/vault/v1")
        cut_by_a_proxy = get(folder / "own", "/other/v1", {"SCRIPT_NAME": "/other"})
        process.terminate()

    assert [json.loads(each.body)["path"] for each in (cut_by_us, cut_by_a_proxy)] == ["/vault/v1", "/other/v1"]


def test_a_request_leaves_no_word_in_the_log(folder: Path, kind: str, running: subprocess.Popen[bytes]):
    get(folder / "s", "/?name=a-secret-name")
    get(folder / "s", "/fault?name=a-secret-name")
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(DEADLINE_S)
        peer.connect(str(folder / "s"))
        peer.sendall(b"GET /?name=a-secret-name HTTP/9.secret\r\n\r\n")
        while peer.recv(4096):
            pass

    log = (folder / "log").read_text()
    assert "secret" not in log
    if kind == "threads":
        assert "Error handling a request: LookupError at " in log
        assert "Invalid request from ip=" in log


def test_a_gunicorn_that_was_terminated_is_gone_with_its_workers(folder: Path):
    config = write_config(folder)
    process = serving.start_gunicorn(settings_in(folder), bind=f"unix:{folder}/own", workers=1, gunicorn_config=config)
    with process:
        worker = facts(folder / "own")["worker"]

        process.terminate()

        assert process.wait(DEADLINE_S) == 0
        assert is_gone(worker)


def test_a_worker_that_stops_closes_its_listener_once(folder: Path, capfd: pytest.CaptureFixture[str]):
    config = write_config(folder)
    process = serving.start_gunicorn(settings_in(folder), bind=f"unix:{folder}/own", workers=1, gunicorn_config=config)
    with process:
        facts(folder / "own")

        process.terminate()

        assert process.wait(DEADLINE_S) == 0
    said = capfd.readouterr().err
    assert "Handling signal: term" in said
    assert "Error while closing socket" not in said


def test_gunicorn_ends_with_a_killed_parent(folder: Path):
    config = write_config(folder)
    command = [sys.executable, "-c", STARTER, f"unix:{folder}/own", str(config)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        master = int(parent.stdout.readline())
        worker = facts(folder / "own")["worker"]
        parent.kill()

    assert becomes_true(lambda: is_gone(master))
    assert becomes_true(lambda: is_gone(worker))


def test_serve_becomes_the_master_itself(folder: Path):
    config = write_config(folder)
    command = [sys.executable, "-c", SERVER, f"unix:{folder}/own", str(config)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told = facts(folder / "own")
        process.send_signal(signal.SIGTERM)
        printed = process.stdout.read()

    assert (told["master"], told["threads"]) == (process.pid, "2")
    assert printed.startswith("printed before{")
    assert process.returncode == 0
