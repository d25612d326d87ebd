"""`sealring dev`: try sealring out."""

from __future__ import annotations

from pathlib import Path

import click

from sealring.cli.options import DEFAULT_PORT, keys_option, one_line_failures
from sealring.cli.store_urls import store_file_option, store_url
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
@click.option("--store", "url", help="Use this store (as of `init`) instead of an embedded one.")
@store_file_option
@keys_option
@click.option("--portal", is_flag=True, help="Switch the portal on, and print a link to it.")
@one_line_failures
def dev(  # noqa: PLR0913, PLR0917  click passes each option as an argument
    data_dir: Path,
    host: str,
    port: int,
    workers: int,
    url: str | None,
    store_file: Path | None,
    keys: str | None,
    portal: bool,  # noqa: FBT001
) -> None:
    """Start a whole server on this machine: keys, store, a token and a snippet to paste."""
    store = store_url(url, store_file)
    development.run(development.DevOptions(data_dir.absolute(), host, port, workers, store, keys, portal))
