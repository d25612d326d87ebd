"""`sealring token ...`, as the operator runs it."""

import base64
import json
from pathlib import Path

from click.testing import CliRunner, Result

from sealring import cli


def run(settings: Path, *arguments: str) -> Result:
    """One command with these settings, in this process, and what it said."""
    environment = {"SEALRING_CONFIG": str(settings)}
    return CliRunner().invoke(cli.main, arguments, prog_name="sealring", env=environment, catch_exceptions=False)


def claims_of(token: str) -> dict:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
