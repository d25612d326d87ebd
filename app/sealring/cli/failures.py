"""Failures of the machine under a command, as one line instead of a stack trace."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def in_one_line() -> Iterator[None]:
    """Report a file or a disk that fails. A closed pipe stays what it is: click ends the command without a word."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise click.ClickException(_said(error)) from error


def _said(error: OSError) -> str:
    what = error.strerror or type(error).__name__
    return what if error.filename is None else f"{error.filename}: {what}"
