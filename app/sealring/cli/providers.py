"""Commands that key providers bring: `sealring <provider> <command>`, made from what their specs declare."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click

from sealring import settings
from sealring.errors import SealringError
from sealring.providers import registry
from sealring.providers.failures import for_the_operator
from sealring.server import wiring
from sealring.server.serving import SETTINGS_VARIABLE
from sealring_plugin import ConfigField, ProviderCommand

DEFAULT_SETTINGS = Path("/etc/sealring/sealring.toml")

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


def providers_with_commands() -> list[str]:
    """The installed providers that bring commands; one whose plugin cannot be loaded brings none."""
    return [name for name in sorted({entry.name for entry in registry.installed()}) if _commands(name)]


def provider_commands(provider: str) -> click.Group:
    group = click.Group(provider, help=f"Commands of the key provider {provider}.")
    for command in _commands(provider):
        group.add_command(_command(provider, command))
    return group


def _commands(provider: str) -> tuple[ProviderCommand, ...]:
    try:
        return registry.load([provider])[provider].commands
    except SealringError:
        return ()


def _command(provider: str, command: ProviderCommand) -> click.Command:
    @one_line_failures
    def run(path: Path, **given: object) -> None:
        options = {name: value for name, value in given.items() if value is not None}
        for line in wiring.run_command(settings.load(path), provider, command.name, options):
            click.echo(line)

    made = click.Command(
        command.name, callback=run, help=command.help, params=[_option(each) for each in command.options]
    )
    return settings_option(made)


def _option(field: ConfigField) -> click.Option:
    return click.Option(
        [f"--{field.name.replace('_', '-')}", field.name],
        type=str if field.kind is Path else field.kind,
        is_flag=field.kind is bool,
        default=None,
        required=field.required,
        help=field.help,
    )
