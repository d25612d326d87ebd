"""Commands for a whole store: `sealring backup`, `restore`, `verify`, `purge`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from sealring import settings
from sealring.cli.options import one_line_failures, settings_option
from sealring.errors import BackupRefused
from sealring.operator import whole_store
from sealring.server import wiring

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@settings_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    required=True,
    help="The file to write the data to; - is standard output.",
)
@click.option("--keys", type=_FILE, required=True, help="The file to write the key records to; keep it with the data.")
@click.option("--force", is_flag=True, help="Replace existing files; each stays until the new one is complete.")
@one_line_failures
def backup(path: Path, output: Path, keys: Path, force: bool) -> None:  # noqa: FBT001  click passes each option as an argument
    """Write a backup of the store, encrypted with a managed key. Servers may keep running."""
    if _place(output) == _place(keys):
        raise BackupRefused("--output and --keys name the same file; choose two")
    piped = str(output) == "-"
    for file in (keys,) if piped else (output, keys):
        if file.exists() and not force:
            raise BackupRefused(f"{file} exists; choose another file, or replace it with --force")
    if piped and sys.stdout.isatty():
        raise BackupRefused("standard output is a terminal; pipe it into a program, or give --output a file")
    stream = sys.stdout.buffer if piped else None
    written = whole_store.backup(settings.load(path), whole_store.BackupFiles(output, keys), _progress, stream)
    click.echo(f"{written.counts}", err=piped)
    click.echo(f"{output}: SHA-256 {written.data_sha256}", err=piped)
    click.echo(f"{keys}: SHA-256 {written.keys_sha256}", err=piped)


@click.command()
@settings_option
@click.argument("data", type=_FILE)
@click.option("--keys", type=_FILE, required=True, help="The key records: those made with the data, or later ones.")
@click.option("--trust-backup", is_flag=True, help="Pin the store of the backup, if pin_file was lost.")
@one_line_failures
def restore(path: Path, data: Path, keys: Path, trust_backup: bool) -> None:  # noqa: FBT001
    """Restore a backup (the file DATA and its key records) into an empty store, and verify it."""
    findings = _Findings()
    config, files = settings.load(path), whole_store.BackupFiles(data, keys)
    counts = whole_store.restore(config, files, _progress, findings.report, trusting=trust_backup)
    made = datetime.fromtimestamp(whole_store.time_of(data) // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    click.echo(f"revocations of tokens after {made} may be missing: repeat them with `sealring token revoke`")
    findings.conclude(f"restored {counts}")


@click.command()
@settings_option
@click.option("--unwrap", is_flag=True, help="Also decrypt every value with its keys; none is shown.")
@one_line_failures
def verify(path: Path, unwrap: bool) -> None:  # noqa: FBT001
    """Check everything in the store, and print a line for each finding. Servers may keep running."""
    findings = _Findings()
    counts = whole_store.verify(settings.load(path), _progress, findings.report, unwrap=unwrap)
    findings.conclude(str(counts))


@click.command()
@settings_option
@one_line_failures
def purge(path: Path) -> None:
    """Remove deleted objects and audit entries that have expired. The server itself does so every minute."""
    config = settings.load(path)
    with wiring.opened_stores(config) as (_, stores):
        purging = wiring.make_purging(stores, config)
        with click.progressbar(purging.run(time.time()), length=purging.partitions, file=sys.stderr) as partitions:
            done = list(partitions)
    objects, entries = sum(each.objects for each in done), sum(each.entries for each in done)
    click.echo(f"purged {objects} objects, {entries} audit entries")
    left = (
        (sum(each.refused for each in done), "deleted objects are damaged and stay"),
        (sum(each.damaged for each in done), "partitions are damaged and were not purged"),
    )
    if any(count for count, _ in left):
        said = ", ".join(f"{count} {what}" for count, what in left if count)
        raise click.ClickException(f"{said}; `sealring verify` names them")


def _place(file: Path) -> Path:
    """Resolve the folder of a file, but not the file: writing replaces a symbolic link there."""
    return file.parent.resolve() / file.name


class _Findings:
    def __init__(self) -> None:
        self._count = 0

    def report(self, finding: str) -> None:
        self._count += 1
        click.echo(finding)

    def conclude(self, text: str) -> None:
        """Print the text and the number of findings. If there are any, exit with status 1."""
        click.echo(f"{text}; {self._count} findings")
        if self._count:
            sys.exit(1)


@contextmanager
def _progress(step: str, length: int) -> Iterator[whole_store.Advance]:
    steps = max(1, length // 1000)  # drawing is slower than scanning
    with click.progressbar(length=length, label=step, file=sys.stderr, update_min_steps=steps) as bar:
        yield bar.update
