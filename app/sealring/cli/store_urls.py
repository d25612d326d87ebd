"""URLs of stores for commands: from a file or standard input, and as an argument only without a password."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sealring.errors import SettingsInvalid
from sealring.store.connection.store_url import StoreUrl
from sealring_plugin import ConfigInvalid, read_private

_MAX_URL_BYTES = 65_536
_SECRETS = ("password", "ssl_password", "sentinel_password")

store_file_option: Callable[[Any], Any] = click.option(
    "--store-file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="A file of yours with the store's URL, which may have a password in it; - is standard input.",
)


def store_url(url: str | None, file: Path | None) -> str | None:
    """Return the URL that the options say; None if they say none.

    Raises click.UsageError for two, and for an argument with a password; SettingsInvalid for what is no URL or no file.
    """
    if url is not None and file is not None:
        raise click.UsageError("Give the store's URL or --store-file, not both.")
    if file is not None:
        return _read(file)
    if url is not None and _has_secret(url):
        raise click.UsageError(
            "The store's URL has a password in it, and others on this machine can read arguments. "
            "Write it to a file of yours, and give --store-file FILE; - is standard input."
        )
    return url


def _has_secret(url: str) -> bool:
    parsed = StoreUrl.parse(url)
    return any(parsed.credentials.get(name) or parsed.options.get(name) for name in _SECRETS)


def _read(file: Path) -> str:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(_MAX_URL_BYTES).decode().strip()
        return read_private(file, "--store-file").decode().strip()
    except ConfigInvalid as error:
        raise SettingsInvalid(str(error)) from None
    except UnicodeDecodeError:
        raise SettingsInvalid("--store-file is not text") from None
