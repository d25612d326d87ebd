"""The files of a new installation, each made once and never replaced."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from sealring import settings
from sealring.auth.signing import create_signing_key, public_jwks
from sealring.domain.ids import new_environment_id
from sealring.errors import SettingsInvalid
from sealring.providers import registry
from sealring.providers.plugins import suggested
from sealring.server import wiring
from sealring.server.root_seals import RootSeals
from sealring.store.connection.store_url import StoreUrl
from sealring_plugin import ConfigValue, ManagedSpec

SETTINGS_FILE = "sealring.toml"
STORE_URL_FILE = "store-url"
PIN_FILE = "store-pin"
SIGNING_KEY_FILE = "token-key.pem"
JWKS_FILE = "token-jwks.json"
LOCAL_ISSUER = "urn:sealring:local"
AUDIENCE = "sealring"
DEFAULT_PARTITIONS = 64
PREFERRED = ("hsm", "local")  # providers of managed keys, the stronger first

_TEMPLATE = """\
# The settings of sealring. Every line is explained in docs/configuration.md.

[store]
url_file = "{store_url_file}"
pin_file = {pin_file}

[keys]
managed = "{provider}"

[plugins.{provider}]
{provider_settings}

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
  "vault:objects:delete", "vault:objects:restore", "vault:keys:use", "vault:bindings:manage",
  "vault:keyrings:use", "vault:usage:read", "vault:portal:link", "vault:all_organizations",
]
max_lifetime_s = 31622400  # 366 days
"""


def create_files(
    folder: Path,
    store_url: str,
    keys: str | None = None,
    pin_file: Path | None = None,
    seals_file: Path | None = None,
) -> Iterator[str]:
    """Make the missing files of an installation in `folder` (0700), and yield a line for each.

    `keys` names the provider of managed keys; None takes the strongest that this machine has. `pin_file` is the path
    for the pin of the store; None: in the folder. `seals_file` has the tables of the seals of new root keys. Raises
    SettingsInvalid if an existing file cannot be used, or contradicts the arguments.
    """
    StoreUrl.parse(store_url)  # before it is written to the file that every later start reads
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _was_ready(folder):
        write_private(folder / STORE_URL_FILE, store_url)
    if (folder / SETTINGS_FILE).exists():
        _check_present(folder, store_url, keys, pin_file)
        yield from _sealed_roots(folder, seals_file)
        return
    if not (folder / SIGNING_KEY_FILE).exists():
        create_signing_key(folder / SIGNING_KEY_FILE)
        yield f"signing key {folder / SIGNING_KEY_FILE}"
    (folder / JWKS_FILE).write_bytes(orjson.dumps(public_jwks(folder / SIGNING_KEY_FILE)))
    provider, provider_settings = _provider(folder, keys, sealable=seals_file is not None)
    text = _TEMPLATE.format(
        store_url_file=STORE_URL_FILE,
        pin_file=_toml(pin_file or PIN_FILE),
        provider=provider,
        provider_settings="\n".join(f"{name} = {_toml(value)}" for name, value in provider_settings.items()),
        signing_key_file=SIGNING_KEY_FILE,
        jwks_file=JWKS_FILE,
        issuer=LOCAL_ISSUER,
        audience=AUDIENCE,
        environment=new_environment_id(),
    )
    draft = folder / f"{SETTINGS_FILE}.new"
    draft.write_text(text + _seals(seals_file), encoding="utf-8")
    yield from wiring.initialise_plugins(settings.load(draft))
    draft.rename(folder / SETTINGS_FILE)  # last: an interrupted set-up starts again
    yield f"settings {folder / SETTINGS_FILE}"


def _seals(file: Path | None) -> str:
    """Return the tables of the seals, as a text to add to the settings. Raises SettingsInvalid."""
    if file is None:
        return ""
    try:
        text = file.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise SettingsInvalid(f"--seals {file} cannot be read ({error.strerror})") from error
    except ValueError:  # the text may quote a secret
        raise SettingsInvalid(f"--seals {file} is not valid TOML") from None
    if tables.keys() != {"seal"}:
        raise SettingsInvalid(f"--seals {file} must have tables [seal.<name>], and no others")
    return f"\n# The seals of the root keys: docs/sealed-root.md\n{text}"


def _sealed_roots(folder: Path, seals_file: Path | None) -> Iterator[str]:
    """Make sealed root keys for settings that were written before them, if they have no store yet."""
    present = settings.load(folder / SETTINGS_FILE)
    if seals_file is not None and not present.sealing.seals:
        raise SettingsInvalid(f"{folder / SETTINGS_FILE} has no [seal]: add it there, and run `sealring root reseal`")
    if present.sealing.seals and not present.pin_file.exists():
        yield from RootSeals(present, wiring.load_plugins(present)).initialise()


def _provider(folder: Path, keys: str | None, *, sealable: bool) -> tuple[str, Mapping[str, ConfigValue]]:
    """Return the provider for a new installation, and its settings."""
    installed = {entry.name for entry in registry.installed()}
    for name in [keys] if keys else [name for name in PREFERRED if name in installed]:
        spec = registry.load([name])[name]
        if not isinstance(spec, ManagedSpec) or (sealable and spec.root_file is None):
            continue
        found = suggested(spec, folder)
        if found is not None:
            return name, found
    if sealable:
        raise SettingsInvalid("--seals needs a provider that keeps its root keys in a file: --keys local")
    if keys:
        raise SettingsInvalid(f"keys: this machine lacks what '{keys}' needs; its documentation says what to install")
    raise SettingsInvalid("keys: no installed key provider can set itself up; install sealring-local")


def _was_ready(folder: Path) -> bool:
    """Return whether the installation has a pinned store. Until then, the URL of its store may still change."""
    there = (folder / SETTINGS_FILE).exists() and (folder / STORE_URL_FILE).exists()
    return there and settings.load(folder / SETTINGS_FILE).pin_file.exists()


def _check_present(folder: Path, store_url: str, keys: str | None, pin_file: Path | None) -> None:
    present = settings.load(folder / SETTINGS_FILE)
    if present.store_url != store_url:
        raise SettingsInvalid(
            f"{folder} belongs to another store than --store: use another --data-dir; or, if its store has moved, "
            f"write the new URL to the file that [store] url_file in {folder / SETTINGS_FILE} names"
        )
    if keys not in {None, present.managed.provider}:
        raise SettingsInvalid(
            f"{folder} has its managed keys in '{present.managed.provider}'; use another --data-dir for '{keys}'"
        )
    if pin_file not in {None, present.pin_file}:
        raise SettingsInvalid(
            f"[store] pin_file in {folder / SETTINGS_FILE} is {present.pin_file}, which is not --pin-file"
        )


def _toml(value: ConfigValue) -> str:
    return json.dumps(str(value) if isinstance(value, Path) else value)  # JSON's strings and numbers are TOML's too


def write_private(path: Path, text: str) -> None:
    """Write a text file that only its owner can read."""
    path.touch(mode=0o600, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
