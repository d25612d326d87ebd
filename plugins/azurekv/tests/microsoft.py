"""Microsoft's own clients: what is pinned is azure-identity, azure-keyvault-keys and msal."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from support.installed import CACHE, python_with

HERE = Path(__file__).parent


@contextmanager
def driver(ca_file, log):
    """Yield what has the clients do a task of `microsoft_driver.py`, and returns what they made of the answers."""
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(ca_file)}
    python = python_with(HERE / "microsoft.txt", CACHE / "azurekv" / "microsoft")
    command, pipe = [python, HERE / "microsoft_driver.py"], subprocess.PIPE
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment) as process,
    ):

        def drive(**task):
            process.stdin.write(f"{json.dumps(task)}\n")
            process.stdin.flush()
            told = process.stdout.readline()
            assert told, log.read_text()
            return json.loads(told)

        yield drive  # Popen's own end closes the pipes, on which the driver ends, and waits
