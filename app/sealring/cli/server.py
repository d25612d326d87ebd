"""Commands that set up and run a server: `sealring init`, `serve`, `check-config`, `plugins`."""

from __future__ import annotations

import signal
from itertools import chain
from pathlib import Path

import click

from sealring import settings
from sealring.cli.options import DEFAULT_PORT, DEFAULT_SETTINGS, keys_option, one_line_failures, settings_option
from sealring.cli.root import asked_key, recovery_option, seals_of
from sealring.cli.store_urls import store_file_option, store_url
from sealring.domain.ids import MAX_PARTITIONS
from sealring.domain.root_seal import Root
from sealring.observability import traces
from sealring.observability.logs import Log
from sealring.operator import installation
from sealring.operator.issuers import check_issuers
from sealring.portal.look import Theme
from sealring.providers import registry
from sealring.server import serving, wiring
from sealring.server.metrics_port import check_address
from sealring.server.unsealing import handing_over

_PEM = click.Path(path_type=Path, dir_okay=False)  # the master looks at it, also at each reload


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=DEFAULT_SETTINGS.parent,
    show_default=True,
    help="Where to make the settings and keys.",
)
@click.option(
    "--store",
    "url",
    help="The store, if its URL has no password: redis://, rediss://, unix://, sentinel://, cluster://.",
)
@store_file_option
@click.option(
    "--partitions",
    type=click.IntRange(1, MAX_PARTITIONS),
    default=installation.DEFAULT_PARTITIONS,
    show_default=True,
    help="Partitions of the store; they can never be changed.",
)
@click.option(
    "--pin-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the pin, which identifies this store.  [default: store-pin in --data-dir]",
)
@click.option(
    "--layout",
    "layout_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Make an empty store ready with the layout of a lost store, so that its data keys still open.",
)
@click.option("--trust-store", is_flag=True, help="Pin a store that is ready already, because you know it is yours.")
@click.option(
    "--seals",
    "seals_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the tables [seal.1], ... of new settings: the root keys are made sealed, and never in clear.",
)
@click.option("--files-only", is_flag=True, help="Only make the files; `sealring init-store` prepares the store later.")
@keys_option
@one_line_failures
def init(  # noqa: PLR0913, PLR0917  click passes each option as an argument
    data_dir: Path,
    url: str | None,
    store_file: Path | None,
    partitions: int,
    pin_file: Path | None,
    layout_file: Path | None,
    trust_store: bool,  # noqa: FBT001
    seals_file: Path | None,
    files_only: bool,  # noqa: FBT001
    keys: str | None,
) -> None:
    """Make the settings and keys, make an empty store ready, and pin it. Existing files stay as they are."""
    told = store_url(url, store_file)
    if told is None:
        raise click.UsageError("Give the store's URL: --store-file FILE, or --store URL if it has no password.")
    pin = None if pin_file is None else pin_file.absolute()
    for made in installation.create_files(data_dir.absolute(), told, keys, pin, seals_file):
        click.echo(f"made {made}")
    if files_only:
        return
    config = settings.load(data_dir.absolute() / installation.SETTINGS_FILE)
    click.echo(wiring.initialise_store(config, partitions, layout_file=layout_file, trusting=trust_store))


@click.command()
@settings_option
@click.option("--bind", default=f"127.0.0.1:{DEFAULT_PORT}", show_default=True, help="Address and port, or unix:PATH.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.  [default: 2]")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of a worker.  [default: 16]")
@click.option(
    "--gunicorn-config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A gunicorn configuration file; start from config/gunicorn.conf.py.",
)
@click.option("--certfile", type=_PEM, help="Serve HTTPS with this certificate chain (PEM).")
@click.option("--keyfile", type=_PEM, help="Its private key (PEM), readable only by its owner.")
@recovery_option
@one_line_failures
def serve(  # noqa: PLR0913, PLR0917  click passes each option as an argument
    path: Path,
    bind: str,
    workers: int | None,
    threads: int | None,
    gunicorn_config: Path | None,
    certfile: Path | None,
    keyfile: Path | None,
    recovering: bool,  # noqa: FBT001
) -> None:
    """Start the server for production: gunicorn in the foreground.

    It takes a renewed certificate by itself, without losing a request.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the master listens, which inherits this
    certificate = None if certfile is None or keyfile is None else (certfile, keyfile)
    if certificate is None and (certfile or keyfile):
        raise click.UsageError("--certfile and --keyfile belong together: give both, or neither")
    config = settings.load(path)
    wiring.load_plugins(config)
    wiring.trust_files(config).pin()
    root = _recovered(config) if recovering else None
    with handing_over(root) as variables:
        serving.serve(
            path,
            bind=bind,
            workers=workers,
            threads=threads,
            gunicorn_config=gunicorn_config,
            certificate=certificate,
            variables=variables,
        )


def _recovered(config: settings.Settings) -> Root:
    """Open the root keys by shares of the recovery key. Raises SettingsInvalid; ChangeRefused."""
    root = seals_of(config).open_with(asked_key())
    Log().notice("the root keys were opened by the recovery key")
    return root


@click.command("check-config")
@settings_option
@one_line_failures
def check_config(path: Path) -> None:
    """Check the settings, and connect to the issuers, the store and the key provider."""
    config = settings.load(path)
    click.echo(f"settings  ok: {path}")
    for loaded in wiring.load_plugins(config):
        click.echo(f"plugin    ok: {loaded.spec.name} (API {loaded.spec.api_version})")
    if (bind := config.observability.metrics_bind) is not None:
        check_address(bind)
        click.echo(f"metrics   ok: {bind.host} port {bind.port}")
    if config.observability.traces is not None:
        traces.check_installed()
        click.echo(f"traces    ok: to {config.observability.traces.endpoint}")
    if config.portal is not None:
        Theme.of(config.portal.look)
        click.echo(f"portal    ok: {config.portal.url}, links for {config.portal.link_ttl_s} s")
    for line in chain(check_issuers(config), wiring.check(config)):
        click.echo(line)


@click.command()
@one_line_failures
def plugins() -> None:
    """List the installed key providers. A server loads only those that its settings name."""
    for entry in registry.installed():
        package = entry.dist.name if entry.dist else "unknown"
        version = entry.dist.version if entry.dist else ""
        click.echo(f"{entry.name:16} {package} {version}")
