"""First set-up: the files of a new installation, each made once and never replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from sealring import settings, wiring
from sealring.auth.signing import create_signing_key, public_jwks
from sealring.domain.ids import new_environment_id

SETTINGS_FILE = "sealring.toml"
STORE_URL_FILE = "store-url"
SIGNING_KEY_FILE = "token-key.pem"
JWKS_FILE = "token-jwks.json"
LOCAL_ISSUER = "urn:sealring:local"
AUDIENCE = "sealring"
DEFAULT_PARTITIONS = 64

_TEMPLATE = """\
# The settings of sealring. Every line is explained in docs/configuration.md.

[store]
url_file = "{store_url_file}"

[keys]
managed = "local"

[plugins.local]
root_key_file = "root.key"

# Tokens that `sealring token` signs. Add a profile for each issuer of your own.
[token]
signing_key_file = "{signing_key_file}"
issuer = "{issuer}"

[[issuers]]
issuer = "{issuer}"
jwks_file = "{jwks_file}"
algorithms = ["ES256"]
audience = "{audience}"
environment_id = "{environment}"
permissions = [
  "vault:objects:read", "vault:objects:list", "vault:objects:create", "vault:objects:update",
  "vault:objects:delete", "vault:objects:restore", "vault:keys:use", "vault:all_organizations",
]
max_lifetime_s = 31622400  # 366 days
"""


def create_files(folder: Path, store_url: str) -> Iterator[str]:
    """Make what is missing of an installation in `folder` (0700), and say what was made, a line each.

    Raises SettingsInvalid where a file that exists cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / STORE_URL_FILE, store_url)
    if (folder / SETTINGS_FILE).exists():
        return
    if not (folder / SIGNING_KEY_FILE).exists():
        create_signing_key(folder / SIGNING_KEY_FILE)
        yield f"signing key {folder / SIGNING_KEY_FILE}"
    (folder / JWKS_FILE).write_bytes(orjson.dumps(public_jwks(folder / SIGNING_KEY_FILE)))
    text = _TEMPLATE.format(
        store_url_file=STORE_URL_FILE,
        signing_key_file=SIGNING_KEY_FILE,
        jwks_file=JWKS_FILE,
        issuer=LOCAL_ISSUER,
        audience=AUDIENCE,
        environment=new_environment_id(),
    )
    draft = folder / f"{SETTINGS_FILE}.new"
    draft.write_text(text, encoding="utf-8")
    for plugin in wiring.load_plugins(settings.load(draft)).values():
        if plugin.spec.initialise is not None:
            yield plugin.spec.initialise(plugin.config)
    draft.rename(folder / SETTINGS_FILE)  # last: a set-up that was cut short begins again
    yield f"settings {folder / SETTINGS_FILE}"


def write_private(path: Path, text: str) -> None:
    """Write a text file that only its owner can read."""
    path.touch(mode=0o600, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
