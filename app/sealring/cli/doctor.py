"""`sealring doctor`: examine what the server depends on."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from sealring import settings
from sealring.cli.options import one_line_failures, settings_option
from sealring.cli.store_urls import store_file_option, store_url
from sealring.server import wiring
from sealring.store.doctor.diagnosis import Diagnosis, Grade


@click.group()
def doctor() -> None:
    """Examine what the server depends on."""


@doctor.command("store")
@settings_option
@click.argument("url", required=False)
@store_file_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
@click.option(
    "--destructive", is_flag=True, help="Try FLUSHALL too, which empties the store; refused unless it is empty."
)
@one_line_failures
def doctor_store(
    path: Path,
    url: str | None,
    store_file: Path | None,
    as_json: bool,  # noqa: FBT001
    destructive: bool,  # noqa: FBT001
) -> None:
    """Check that a store does what sealring needs of it. Exit status 1 if it does not.

    It is the store of the settings, unless --store-file or URL says another: redis://, rediss://, unix://, sentinel://
    or cluster://. Writes keys of its own (s1-doctor:*), and removes them.
    """
    examined = store_url(url, store_file) or settings.load(path).store_url
    findings = wiring.examine_store(examined, destructive=destructive)
    grades = Counter((_echo_json if as_json else _echo_lines)(findings))
    sys.exit(1 if grades[Grade.FAILED] else 0)


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
