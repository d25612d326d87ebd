"""Values that come in without being an argument, and go out as they are."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from sealring.cli.reaching import shown

MAX_VALUE_BYTES = 16 << 20  # the most that a server can be set to take

_NOT_TEXT = (
    "the value is not UTF-8: sealring stores text. Encode binary data in base64 first, and decode it where it is used"
)


def _refuse_value(_context: click.Context, _option: click.Parameter, given: str | None) -> None:
    if given is not None:
        raise click.UsageError(
            "--value is not taken: others on this machine can read arguments. Pipe the value in, or give --file FILE."
        )


def value_options(command: Any) -> Any:
    command = click.option(
        "--file",
        "source",
        type=click.Path(allow_dash=True, dir_okay=False),
        help="A file with the value, byte for byte; - is standard input.  [default: standard input, or a question]",
    )(command)
    return click.option("--value", hidden=True, expose_value=False, callback=_refuse_value)(command)


def read_value(source: str | None) -> str:
    """Return the value, which is asked for if nobody pipes it in. Raises click.ClickException."""
    if source is None and sys.stdin.isatty():
        asked: str = click.prompt("Value", hide_input=True, err=True)
        return asked
    value = _read(source or "-")
    if source is None and not value:
        raise click.ClickException("standard input is empty; if the value is, say so with --file -")
    return value


def write_value(value: str) -> None:
    """Print a value as it is; only a terminal gets a line break after it."""
    raw = value.encode()
    ends = b"" if raw.endswith(b"\n") or not sys.stdout.isatty() else b"\n"
    click.echo(raw + ends, nl=False)


def say(text: str) -> None:
    """Print a line for people, in UTF-8 whatever the locale."""
    click.echo(shown(text).encode("utf-8", "replace") + b"\n", nl=False)


def say_json(document: object) -> None:
    click.echo(json.dumps(document, indent=2))  # in ASCII: a name may contain what a terminal obeys


def _read(source: str) -> str:
    try:
        with click.open_file(source, "rb") as opened:
            raw = opened.read(MAX_VALUE_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"{source} cannot be read ({error.strerror})") from error
    if len(raw) > MAX_VALUE_BYTES:
        raise click.ClickException(f"the value is over {MAX_VALUE_BYTES} bytes, more than any server takes")
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError:
        raise click.ClickException(_NOT_TEXT) from None
