"""Options and error handling that all commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from sealring.domain.ids import EnvironmentId, OrgId, org_id
from sealring.errors import SealringError, SettingsInvalid
from sealring.providers.failures import for_the_operator
from sealring.server.variables import SETTINGS_VARIABLE

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

environment_option = click.option(
    "--environment", metavar="ID", help="The environment, if the settings have several.", default=None
)


def environment_of(environments: Sequence[EnvironmentId], named: str | None) -> EnvironmentId:
    """Return the environment of that name, or the only one. Raises SettingsInvalid."""
    if named is None and len(environments) == 1:
        return environments[0]
    for environment in environments:
        if environment == named:
            return environment
    raise SettingsInvalid("--environment: one of " + ", ".join(environments))


def named_organization(text: str) -> OrgId:
    """Return the organization that an argument or an option names. Raises BadParameter."""
    org = org_id(text)
    if org is None:
        raise click.BadParameter("1 to 64 letters, digits, '_' and '-'.")
    return org


def one_line_failures(command: Callable[P, None]) -> Callable[P, None]:
    """Let a command report a SealringError as one line on standard error with exit status 1, without a stack trace."""

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
    help="The provider of the managed keys, e.g. hsm or local.  [default: hsm if this machine has one, else local]",
)
