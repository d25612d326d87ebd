"""What commands have in common: the option for the settings, and failures in one line."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from sealring.errors import SealringError
from sealring.providers.failures import for_the_operator
from sealring.server.serving import SETTINGS_VARIABLE

DEFAULT_SETTINGS = Path("/etc/sealring/sealring.toml")
DEFAULT_PORT = 8420

P = ParamSpec("P")

settings_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=DEFAULT_SETTINGS,
    envvar=SETTINGS_VARIABLE,
    show_default=True,
    show_envvar=True,
    help="The settings file.",
)


def one_line_failures(command: Callable[P, None]) -> Callable[P, None]:
    """What cannot be done is one line on standard error and exit status 1, never a stack trace."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except SealringError as error:
            raise click.ClickException(for_the_operator(error)) from error

    return run


keys_option = click.option(
    "--keys",
    metavar="PROVIDER",
    help="Who keeps the managed keys, e.g. hsm or local.  [default: hsm where this machine has one, else local]",
)
