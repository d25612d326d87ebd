"""A server set up as the documentation says, by its own commands only: init, token, serve."""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.asking import ask
from support.ports import free_port
from support.waiting import becomes_true

ORG = "org_acme"
START_S = 90  # on a machine that is busy


@dataclass(frozen=True)
class Sealring:
    """A command `sealring`: what makes its words a command of this machine, and the variables that it gets."""

    command: Callable[..., Sequence[str]]
    environment: Mapping[str, str]
    folder: str  # of its settings, as it sees it
    keys: str = "local"

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command("sealring", *arguments),
            env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def serving(self, store_url: str, log: Path, *options: str) -> Iterator["Served"]:
        """Set a server up on an empty store, and run it until the block ends."""
        self.run("init", "--data-dir", self.folder, "--store", store_url, "--keys", self.keys)
        settings = ("--config", f"{self.folder}/sealring.toml")
        token = self.run("token", *settings, "--subject", "test", "--org", ORG).strip()
        url = f"http://127.0.0.1:{(port := free_port())}"
        command = self.command("sealring", "serve", *settings, "--bind", f"127.0.0.1:{port}", *options)
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            assert becomes_true(lambda: process.poll() is not None or is_ready(url), START_S), log.read_text()
            assert process.poll() is None, log.read_text()
            yield Served(url, token, process)
        finally:
            process.terminate()
            process.wait(timeout=40)


@dataclass(frozen=True)
class Served:
    url: str
    token: str
    process: subprocess.Popen[bytes]

    @property
    def workers(self) -> list[int]:
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_ready(url: str) -> bool:
    try:
        return ask(url, "GET", "/readyz").status == 200
    except OSError:
        return False
