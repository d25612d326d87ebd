"""`sealring dev` works at once, keeps its data, and leaves nothing running."""

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sealring.operator.embedded import EmbeddedValkey
from support.commands import SEALRING
from support.live import ask
from support.ports import free_port
from support.waiting import becomes_true, is_gone


class Dev:
    """A running `sealring dev`."""

    def __init__(self, data_dir, port, *options):
        fixed = ("--data-dir", data_dir, "--port", str(port), "--workers", "1", "--keys", "local")
        command = [SEALRING, "dev", *fixed, *options]
        self.output = data_dir.with_suffix(".log")
        self.began = time.monotonic()
        with self.output.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self.env_file = data_dir / "dev.env"
        assert becomes_true(lambda: self.process.poll() is not None or "Ctrl-C" in self.output.read_text())
        self.took_s = time.monotonic() - self.began

    def environment(self):
        return dict(line.removeprefix("export ").split("=", 1) for line in self.env_file.read_text().splitlines())

    def ask(self, method, path, body=None):
        environment = self.environment()
        return ask(environment["SEALRING_URL"], method, path, token=environment["SEALRING_TOKEN"], body=body)

    def create(self):
        body = {"name": "kept", "value": "world", "key_context": {"organization_id": "org_acme"}}
        return self.ask("POST", "/vault/v1/kv", body).json["id"]

    def read(self, object_id):
        return self.ask("GET", f"/vault/v1/kv/{object_id}").json["value"]

    def children(self):
        """All processes under this one."""
        found, pids = [], [self.process.pid]
        while pids:
            pid = pids.pop()
            below = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            found += below
            pids += below
        return found

    def stop(self, with_signal=signal.SIGINT):
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=30)


@pytest.fixture
def dev(tmp_path):
    running = []

    def start(*options):
        running.append(Dev(tmp_path / "dev", free_port(), *options))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.stop()


def test_dev_keeps_its_data_over_a_restart(dev):
    first = dev()
    made = first.create()
    first.stop()

    assert dev().read(made) == "world"


def test_the_snippet_that_dev_prints_works_when_pasted_twice(dev):
    running = dev()
    snippet = re.search(r"^from time.*?^print.*?$", running.output.read_text(), re.MULTILINE | re.DOTALL)[0]

    for _ in range(2):
        pasted = subprocess.run(
            [sys.executable, "-"], input=snippet, capture_output=True, text=True, timeout=60, check=True
        )
        assert pasted.stdout == "world\n"
    assert len(snippet.splitlines()) == 6


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_nothing_of_dev_is_left_running(dev, by):
    running = dev()
    children = running.children()

    running.stop(by)

    assert len(children) >= 3
    assert becomes_true(lambda: all(map(is_gone, children)))


def test_nothing_is_left_when_dev_itself_is_killed(dev):
    running = dev()
    children = running.children()

    running.stop(signal.SIGKILL)

    assert becomes_true(lambda: all(map(is_gone, children)))


def test_the_variables_of_dev_are_all_that_the_commands_need(dev, tmp_path):
    running = dev()
    said = re.search(r"after: (.*)$", running.output.read_text(), re.MULTILINE)[1]
    script = f"{said}\nprintf v | {SEALRING} kv put name --org org_a\n{SEALRING} kv get name\n{SEALRING} token --subject a --org org_a"

    shell = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=True)

    assert re.fullmatch(r"created name, id secret_\w+, version [\w-]+\nveyJ[\w.-]+\n", shell.stdout)


def test_dev_prints_a_link_to_the_portal_that_a_browser_can_use(dev):
    running = dev("--portal")
    link = re.search(
        r"Portal (http://localhost:([0-9]+)(/portal\?token=\S+))$", running.output.read_text(), re.MULTILINE
    )

    page = ask(f"http://127.0.0.1:{link[2]}", "GET", link[3], headers={"Host": f"localhost:{link[2]}"})

    assert running.environment()["SEALRING_URL"].endswith(f":{link[2]}")
    assert "Manage the key of org_acme" in page.raw.decode()
    assert "-m sealring_example.kms" in running.output.read_text()


def test_dev_says_that_its_port_is_taken(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        failed = run("dev", "--data-dir", "/nonexistent", "--port", port, check=False)

    assert (
        failed.stderr == f"Error: cannot listen on 127.0.0.1:{port} (Address already in use); choose another --port\n"
    )


def test_dev_keeps_to_the_provider_that_its_data_has(run, dev, tmp_path):
    dev().stop()

    failed = run("dev", "--data-dir", tmp_path / "dev", "--port", free_port(), "--keys", "hsm", check=False)

    assert failed.returncode == 1
    assert "has its managed keys in 'local'; use another --data-dir for 'hsm'" in failed.stderr


def test_dev_can_use_another_store(dev, tmp_path):
    with EmbeddedValkey(tmp_path / "other") as store:
        running = dev("--store", store.url)

        assert running.read(running.create()) == "world"
        running.stop()
    assert not (tmp_path / "dev" / "store").exists()
