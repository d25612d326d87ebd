"""`sealring init-store`: the part of `sealring init` that concerns the store, with settings that exist."""

from __future__ import annotations

from pathlib import Path

import click

from sealring import settings
from sealring.cli.options import one_line_failures, settings_option
from sealring.domain.ids import MAX_PARTITIONS
from sealring.operator.installation import DEFAULT_PARTITIONS
from sealring.server import wiring


@click.command("init-store")
@settings_option
@click.option(
    "--partitions",
    type=click.IntRange(1, MAX_PARTITIONS),
    default=DEFAULT_PARTITIONS,
    show_default=True,
    help="Partitions of a new store; they can never be changed.",
)
@click.option("--trust-store", is_flag=True, help="Pin a store that is ready already, because you know it is yours.")
@one_line_failures
def init_store(path: Path, partitions: int, trust_store: bool) -> None:  # noqa: FBT001  click passes each option as an argument
    """Make an empty store ready and pin it, or check the pinned one. Makes no settings and no keys.

    For settings that something else writes, such as a ConfigMap. Only the folder of [store] pin_file is written to.
    """
    click.echo(wiring.initialise_store(settings.load(path), partitions, trusting=trust_store))
