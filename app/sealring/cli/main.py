"""The command line."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import click

from sealring import settings
from sealring.cli.bindings import bindings_commands
from sealring.cli.providers import (
    DEFAULT_SETTINGS,
    one_line_failures,
    provider_commands,
    providers_with_commands,
    settings_option,
)
from sealring.cli.redaction import saying_no_token
from sealring.cli.store import backup, restore, verify
from sealring.cli.token_keys import token_key_commands
from sealring.cli.tokens import token_commands
from sealring.domain.ids import MAX_PARTITIONS
from sealring.operator import development, installation
from sealring.operator.issuers import check_issuers
from sealring.providers import registry
from sealring.server import serving, wiring
from sealring.server.hardening import harden
from sealring.store.doctor.diagnosis import Diagnosis, Grade

DEFAULT_PORT = 8420
DEFAULT_DATA_DIR = Path(".sealring")

_keys_option = click.option(
    "--keys",
    metavar="PROVIDER",
    help="Who keeps the managed keys, e.g. hsm or local.  [default: hsm where this machine has one, else local]",
)


class _Commands(click.Group):
    """Our commands, and a group for each installed provider that has commands of its own.

    A token may stand where a file, an option or a command is meant: no failure of any command repeats it.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with saying_no_token():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with saying_no_token():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *providers_with_commands()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        ours = super().get_command(ctx, name)
        return provider_commands(name) if ours is None and name in providers_with_commands() else ours


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sealring", message="%(prog)s %(version)s")
def main() -> None:
    """sealring: a self-hosted, multi-tenant secrets server with a key per context."""
    harden()


for each in (
    bindings_commands,
    token_commands,
    token_key_commands,
    backup,
    restore,
    verify,
):
    main.add_command(each)


@main.command()
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
@_keys_option
@one_line_failures
def dev(data_dir: Path, host: str, port: int, workers: int, store_url: str | None, keys: str | None) -> None:  # noqa: PLR0913, PLR0917  click passes each option as an argument
    """Start a whole server on this machine: keys, store, a token and a snippet to paste."""
    development.run(development.DevOptions(data_dir.absolute(), host, port, workers, store_url, keys))


@main.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=DEFAULT_SETTINGS.parent,
    show_default=True,
    help="Where to make settings and keys.",
)
@click.option(
    "--store", "store_url", required=True, help="The store: redis://, rediss://, unix://, sentinel:// or cluster://."
)
@click.option(
    "--partitions",
    type=click.IntRange(1, MAX_PARTITIONS),
    default=installation.DEFAULT_PARTITIONS,
    show_default=True,
    help="Partitions of the store; fixed for ever.",
)
@click.option(
    "--pin-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the pin, by which this store is known again.  [default: store-pin in --data-dir]",
)
@click.option(
    "--layout",
    "layout_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Make an empty store ready with a layout that was kept, so that data keys of a lost store open.",
)
@click.option("--trust-store", is_flag=True, help="Pin a store that is ready already, since you know that it is yours.")
@_keys_option
@one_line_failures
def init(  # noqa: PLR0913, PLR0917  click passes each option as an argument
    data_dir: Path,
    store_url: str,
    partitions: int,
    pin_file: Path | None,
    layout_file: Path | None,
    trust_store: bool,  # noqa: FBT001
    keys: str | None,
) -> None:
    """Make settings and keys, make an empty store ready, and pin it. What exists already stays as it is."""
    pin = None if pin_file is None else pin_file.absolute()
    for made in installation.create_files(data_dir.absolute(), store_url, keys, pin):
        click.echo(f"made {made}")
    config = settings.load(data_dir.absolute() / installation.SETTINGS_FILE)
    click.echo(wiring.initialise_store(config, partitions, layout_file=layout_file, trusting=trust_store))


@main.command()
@settings_option
@click.option("--bind", default=f"127.0.0.1:{DEFAULT_PORT}", show_default=True, help="Address and port, or unix:PATH.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.  [default: 2]")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of a worker.  [default: 16]")
@click.option(
    "--gunicorn-config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A gunicorn configuration file; config/gunicorn.conf.py is the one to start from.",
)
@one_line_failures
def serve(path: Path, bind: str, workers: int | None, threads: int | None, gunicorn_config: Path | None) -> None:
    """Start the server for production: gunicorn in the foreground."""
    config = settings.load(path)
    wiring.load_plugins(config)
    wiring.trust_files(config).pin()
    serving.serve(path, bind=bind, workers=workers, threads=threads, gunicorn_config=gunicorn_config)


@main.command("check-config")
@settings_option
@one_line_failures
def check_config(path: Path) -> None:
    """Check the settings, and reach the issuers, the store and the key provider."""
    config = settings.load(path)
    click.echo(f"settings  ok: {path}")
    for loaded in wiring.load_plugins(config):
        click.echo(f"plugin    ok: {loaded.spec.name} (API {loaded.spec.api_version})")
    for line in chain(check_issuers(config), wiring.check(config)):
        click.echo(line)


@main.group()
def doctor() -> None:
    """Examine what the server depends on."""


@doctor.command("store")
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
@click.option(
    "--destructive", is_flag=True, help="Try FLUSHALL as well, which empties the store; refused unless it is empty."
)
@one_line_failures
def doctor_store(url: str, as_json: bool, destructive: bool) -> None:  # noqa: FBT001
    """Find out whether the store at URL keeps what sealring counts on. Exit status 1 where it does not.

    Writes keys of its own (s1-doctor:*) and removes them. URL is redis://, rediss://, unix://,
    sentinel:// or cluster://.
    """
    findings = wiring.examine_store(url, destructive=destructive)
    grades = Counter((_echo_json if as_json else _echo_lines)(findings))
    sys.exit(1 if grades[Grade.FAILED] else 0)


@main.command()
@settings_option
@one_line_failures
def purge(path: Path) -> None:
    """Remove deleted objects and audit events whose time is over; the server does so by itself every minute."""
    config = settings.load(path)
    with wiring.opened_stores(config) as (_, stores):
        purging = wiring.make_purging(stores, config)
        with click.progressbar(purging.run(time.time()), length=purging.partitions, file=sys.stderr) as partitions:
            done = list(partitions)
    click.echo(f"purged {sum(each.objects for each in done)} objects, {sum(each.events for each in done)} audit events")
    left = (
        (sum(each.refused for each in done), "deleted objects are damaged and stay"),
        (sum(each.damaged for each in done), "partitions are damaged, and not purged"),
    )
    if any(count for count, _ in left):
        said = ", ".join(f"{count} {what}" for count, what in left if count)
        raise click.ClickException(f"{said}; `sealring verify` names them")


@main.command()
@one_line_failures
def plugins() -> None:
    """List the installed key providers; settings load only those that they name."""
    for entry in registry.installed():
        package = entry.dist.name if entry.dist else "unknown"
        version = entry.dist.version if entry.dist else ""
        click.echo(f"{entry.name:16} {package} {version}")


def _echo_lines(findings: Iterable[tuple[str, Diagnosis]]) -> Iterator[Grade]:
    """Print a line for each finding as it comes, and yield its grade."""
    for check, found in findings:
        grade = "FAILED" if found.grade is Grade.FAILED else found.grade.value
        mend = f". {found.mend[:1].upper()}{found.mend[1:]}" if found.mend else ""
        click.echo(f"{grade:8} {check:28} {found.meaning}{mend}")
        yield found.grade


def _echo_json(findings: Iterable[tuple[str, Diagnosis]]) -> Sequence[Grade]:
    examined = list(findings)
    shown = [
        {"check": check, "grade": found.grade.value, "meaning": found.meaning, "mend": found.mend}
        for check, found in examined
    ]
    click.echo(json.dumps({"findings": shown}, indent=2))
    return [found.grade for _, found in examined]
