"""`sealring token ...`, as the operator runs it, on an installation of its own."""

import base64
import json
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner, Result

from sealring import settings
from sealring.cli.main import main
from sealring.operator import installation
from sealring.server import wiring
from sealring.store.connection.links import Links


def new_installation(folder: Path, store_url: str, partitions: int) -> Path:
    """Empty the store, make an installation on it, and return the path of its settings."""
    with closing(Links.to(store_url)) as links:
        links.call((b"FLUSHALL",))
    list(installation.create_files(folder, store_url, "local"))
    made = folder / installation.SETTINGS_FILE
    wiring.initialise_store(settings.load(made), partitions)
    return made


def run(settings: Path, *arguments: str) -> Result:
    """One command with these settings, in this process, and what it said."""
    environment = {"SEALRING_CONFIG": str(settings)}
    return CliRunner().invoke(main, arguments, prog_name="sealring", env=environment, catch_exceptions=False)


def claims_of(token: str) -> dict:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
