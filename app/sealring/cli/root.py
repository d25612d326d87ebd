"""`sealring root`: seal the root keys again, and make a recovery key."""

from __future__ import annotations

import select
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from sealring import settings
from sealring.cli.options import one_line_failures, settings_option
from sealring.crypto.root_seal import RecoveryKey
from sealring.errors import ChangeRefused
from sealring.operator.recovery import NEEDED, SHARES, key_of, shares_of
from sealring.server import wiring
from sealring.server.root_seals import RootSeals

MAX_SHARES_CHARACTERS = 4096
UNREAD_MS = 1000  # in which a program that reads only a part of a pipe, such as `head`, ends

recovery_option = click.option(
    "--recovery-key",
    "recovering",
    is_flag=True,
    help=f"Open the root keys by {NEEDED} shares of the recovery key: asked for, or on standard input, one a line.",
)


@click.group("root")
def root_commands() -> None:
    """Keep the root keys sealed by a KMS, an HSM or a recovery key."""


@root_commands.command("reseal")
@settings_option
@recovery_option
@one_line_failures
def reseal(path: Path, recovering: bool) -> None:  # noqa: FBT001  click passes each option as an argument
    """Seal the root keys by each seal of the settings, in the place of earlier seals.

    The root keys come from a seal that opens or, if there is no seal yet, from their file in clear.
    """
    seals = seals_of(settings.load(path))
    for line in seals.make(seals.open_with(asked_key())) if recovering else seals.reseal():
        click.echo(line)


@root_commands.command("recovery-key")
@settings_option
@click.option("--replace", is_flag=True, help="Replace the seal of an earlier recovery key, whose shares end with it.")
@one_line_failures
def recovery_key(path: Path, replace: bool) -> None:  # noqa: FBT001
    """Make a recovery key, and print its shares, which are not stored anywhere.

    It opens a seal of its own, for the case that no KMS opens the others any more.
    """
    seals = seals_of(settings.load(path))
    if seals.has_recovery and not replace:
        raise ChangeRefused("there is a recovery key already: replace it with --replace, and destroy its shares")
    root, key = seals.open(), RecoveryKey.fresh()
    shares = shares_of(key)
    click.echo(f"Write each share on a paper of its own. Any {NEEDED} of these {SHARES} open the root keys:")
    for number, share in enumerate(shares, 1):
        click.echo(f"\nshare {number}\n{share}")
    refuse_unread()
    click.echo(f"\nmade seal {seals.make_recovery(root, key)}")


def refuse_unread() -> None:
    """Raises ChangeRefused if the reader of standard output has ended: nobody may have seen all of it."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # an end is always told
    if output.poll(UNREAD_MS):
        raise ChangeRefused("nobody reads standard output any more, so no recovery key was made")


def seals_of(config: settings.Settings) -> RootSeals:
    """Raises SettingsInvalid."""
    return RootSeals(config, wiring.load_plugins(config))


def asked_key() -> RecoveryKey:
    """Ask for shares of the recovery key, without showing them. Raises ChangeRefused."""
    shares = _typed() if sys.stdin.isatty() else sys.stdin.read(MAX_SHARES_CHARACTERS).splitlines()
    click.echo("making the recovery key of the shares, which takes some seconds", err=True)
    return key_of(shares)


def _typed() -> Sequence[str]:
    return [click.prompt(f"share {number} of {NEEDED}", hide_input=True, err=True) for number in range(1, NEEDED + 1)]
