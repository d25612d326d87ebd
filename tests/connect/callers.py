"""Callers: processes that call vault.v1 with a library of others, one line of JSON at a time."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connect.programs import FOLDER, HERE, go_caller
from sdk.tools import needed
from sealring.connect.messages import description
from support.installed import do, made_once, python_with

CALLERS = {  # how each is run, and what it is told of the form
    "connect-go, proto": ("go", {"form": "proto"}),
    "connect-go, JSON": ("go", {"form": "json"}),
    "connect-go, proto, gzip": ("go", {"form": "proto", "gzip": True}),
    "connect-node, proto": ("js", {"form": "proto"}),
    "connect-node, JSON, gzip": ("js", {"form": "json", "gzip": True}),
    "connect-web, JSON": ("js", {"form": "web"}),
    "Python's connectrpc, proto, gzip": ("py", {"form": "proto", "gzip": True}),
    "Python's connectrpc, JSON": ("py", {"form": "json"}),
}


@dataclass
class Caller:
    """A running process, and the form in which it calls."""

    process: subprocess.Popen[str] = field(repr=False)
    form: dict[str, Any]

    def ask(self, method: str, message: object, token: str = "", **how: Any) -> Any:
        """The answer's members; the name of the code if it is a refusal; sizes of texts if `fill` was there."""
        asked = {**self.form, "method": method, "message": message, "token": token, **how}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the caller ended"
        told = json.loads(line)
        return told.get("sizes") or told.get("code") or told.get("answer", {})


@contextmanager
def caller(name: str, url: str, folder: Path) -> Iterator[Caller]:
    """Run a caller until the block ends. Raises NotInstalled."""
    kind, form = CALLERS[name]
    described = folder / "vault.descriptor"
    described.write_bytes(description().SerializeToString())
    command = [*_commands[kind](), url, str(described)]
    if kind == "js":
        command.append((FOLDER / "js").as_uri())
    ours = {key: text for key, text in os.environ.items() if not key.lower().endswith("_proxy") and key != "PYTHONPATH"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ours) as process:
        try:
            yield Caller(process, form)
        finally:
            process.stdin.close()
            process.wait(20)


def _go() -> Sequence[str]:
    return [str(go_caller())]


def _js() -> Sequence[str]:
    advice = "The tests of vault.v1 need Node 20 or newer, with npm: https://nodejs.org."
    pins, folder = HERE / "js" / "package-lock.json", FOLDER / "js"

    def make() -> None:
        shutil.copytree(HERE / "js", folder)
        do([needed("npm", advice), "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"])

    made_once(folder, pins.read_bytes(), make)
    return [needed("node", advice), str(HERE / "js" / "caller.mjs")]


def _py() -> Sequence[str]:
    python = python_with(HERE / "py" / "requirements.txt", FOLDER / "py")
    return [str(python), str(HERE / "py" / "caller.py")]


_commands = {"go": _go, "js": _js, "py": _py}
