"""`sealring token-key ...`: the key that `sealring token` signs with."""

from __future__ import annotations

import time
from pathlib import Path

import click

from sealring import settings
from sealring.auth.key_rotation import LocalKeys
from sealring.cli.options import one_line_failures, settings_option
from sealring.errors import SettingsInvalid


@click.group("token-key")
def token_key_commands() -> None:
    """Rotate the key that `sealring token` signs with."""


@token_key_commands.command()
@settings_option
@one_line_failures
def rotate(path: Path) -> None:
    """Sign with a new key from now on. The former key verifies its tokens until the last of them has expired.

    Run it again if it was interrupted. Servers load the new key set by themselves; copy the set to servers on other
    machines first, in the same way as before.
    """
    for line in _local_keys(settings.load(path)).rotate(int(time.time()), time.sleep):
        click.echo(line)


@token_key_commands.command()
@settings_option
@click.option(
    "--all",
    "all_former",
    is_flag=True,
    help="Also remove former keys with valid tokens, which are refused from now on.",
)
@one_line_failures
def prune(path: Path, all_former: bool) -> None:  # noqa: FBT001
    """Remove former keys that have no valid tokens left."""
    for line in _local_keys(settings.load(path)).prune(int(time.time()), all_former=all_former):
        click.echo(line)


def _local_keys(config: settings.Settings) -> LocalKeys:
    local = config.local_issuer
    if local is None:
        raise SettingsInvalid("[token] is missing, so there is no local signing key")
    profile = config.profile_of(local.issuer)
    if profile.jwks_file is None:
        raise SettingsInvalid(
            f"issuer '{local.issuer}': jwks_file is missing, so there is no place for the public half of a new key"
        )
    return LocalKeys(local.signing_key_file, profile.jwks_file, profile.max_lifetime_s + profile.leeway_s)
