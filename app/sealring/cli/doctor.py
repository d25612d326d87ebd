"""`sealring doctor`: examine what the server depends on."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import click

from sealring.cli.options import one_line_failures
from sealring.server import wiring
from sealring.store.doctor.diagnosis import Diagnosis, Grade


@click.group()
def doctor() -> None:
    """Examine what the server depends on."""


@doctor.command("store")
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
@click.option(
    "--destructive", is_flag=True, help="Try FLUSHALL too, which empties the store; refused unless it is empty."
)
@one_line_failures
def doctor_store(url: str, as_json: bool, destructive: bool) -> None:  # noqa: FBT001
    """Check that the store at URL does what sealring needs of it. Exit status 1 if it does not.

    Writes keys of its own (s1-doctor:*), and removes them. URL is redis://, rediss://, unix://,
    sentinel:// or cluster://.
    """
    findings = wiring.examine_store(url, destructive=destructive)
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
