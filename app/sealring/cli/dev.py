"""`sealring dev`: try sealring out."""

from __future__ import annotations

from pathlib import Path

import click

from sealring.cli.options import DEFAULT_PORT, keys_option, one_line_failures
from sealring.operator import development

DEFAULT_DATA_DIR = Path(".sealring")


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=DEFAULT_DATA_DIR,
    show_default=True,
    help="Where the keys, the settings and the embedded store live; it survives restarts.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True, help="Port to listen on."
)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Worker processes.")
@click.option("--store", "store_url", help="Use this store (as of `init`) instead of an embedded one.")
@keys_option
@one_line_failures
def dev(data_dir: Path, host: str, port: int, workers: int, store_url: str | None, keys: str | None) -> None:  # noqa: PLR0913, PLR0917  click passes each option as an argument
    """Start a whole server on this machine: keys, store, a token and a snippet to paste."""
    development.run(development.DevOptions(data_dir.absolute(), host, port, workers, store_url, keys))
