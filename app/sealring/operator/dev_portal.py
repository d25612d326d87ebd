"""The portal of `sealring dev --portal`: settings that switch it on, and a link to try."""

from __future__ import annotations

import http.client
import json
import sys
from pathlib import Path

from sealring import settings
from sealring.errors import SettingsInvalid
from sealring.operator import installation
from sealring.providers import registry

SETTINGS_FILE = "sealring-portal.toml"  # beside the settings themselves, and made anew at each start
ORGANIZATION = "org_acme"
TIMEOUT_S = 10

_PORTAL = """
[portal]
enabled = true
url = "http://localhost:{port}"
link_ttl_s = 86400
"""

# The address and the token of the toy that the example of a plugin has: python -m sealring_example.kms
_TOY = """
[plugins.example]
endpoint = "http://127.0.0.1:8300"
token = "token-of-the-toy"
"""
_TOY_LINE = f"""
         As a key, name "first" of a toy KMS; run it in another shell: {sys.executable} -m sealring_example.kms"""


def settings_with_portal(data_dir: Path, port: int) -> Path:
    """Return the settings in a folder if they switch the portal on; otherwise others beside them, which do.

    Raises SettingsInvalid.
    """
    path = data_dir / installation.SETTINGS_FILE
    if settings.load(path).portal is not None:
        return path
    text = path.read_text(encoding="utf-8")
    if "[portal]" in text:
        raise SettingsInvalid(f"[portal] in {path} switches the portal off; set enabled = true there, or leave it out")
    has_toy = any(entry.name == "example" for entry in registry.installed())
    added = _PORTAL.format(port=port) + (_TOY if has_toy and "[plugins.example]" not in text else "")
    made = data_dir / SETTINGS_FILE
    installation.write_private(made, text + added)
    return made


def portal_line(config: settings.Settings, authority: str, token: str) -> str:
    """Return what the banner says of the portal: a link that can be opened. Raises SettingsInvalid if none is made."""
    toy = _TOY_LINE if "example" in config.plugins else ""
    return f"\n  Portal {_link(authority, token)}\n         (for {ORGANIZATION}, to be used once){toy}"


def _link(authority: str, token: str) -> str:
    connection = http.client.HTTPConnection(authority, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    wanted = {"organization": ORGANIZATION, "intent": "bring_your_own_key"}
    try:
        connection.request("POST", "/portal/generate_link", json.dumps(wanted), headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise SettingsInvalid("the server did not make a link to the portal; its messages are above") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.CREATED:
        raise SettingsInvalid(f"the server made no link to the portal (status {answer.status})")
    return str(json.loads(body)["link"])
