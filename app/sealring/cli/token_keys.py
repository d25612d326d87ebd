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
    """Sign with a new key from now on; the former one verifies until none of its tokens can be valid.

    Run it again where it was cut short. Servers read the set of keys by themselves; those on other machines need a copy
    of it first, which they get as they got the former.
    """
    for line in _local_keys(settings.load(path)).rotate(int(time.time()), time.sleep):
        click.echo(line)


@token_key_commands.command()
@settings_option
@click.option(
    "--all", "all_former", is_flag=True, help="Former keys whose time is not over, too: their tokens end now."
)
@one_line_failures
def prune(path: Path, all_former: bool) -> None:  # noqa: FBT001
    """Remove former keys that verify nothing any more."""
    for line in _local_keys(settings.load(path)).prune(int(time.time()), all_former=all_former):
        click.echo(line)


def _local_keys(config: settings.Settings) -> LocalKeys:
    local = config.local_issuer
    if local is None:
        raise SettingsInvalid("[token] is missing, so there is no local signing key")
    profile = config.profile_of(local.issuer)
    if profile.jwks_file is None:
        raise SettingsInvalid(
            f"issuer '{local.issuer}': it has no jwks_file, which the public half of a key could be put into"
        )
    return LocalKeys(local.signing_key_file, profile.jwks_file, profile.max_lifetime_s + profile.leeway_s)
