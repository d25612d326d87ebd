"""`sealring <provider> <command>`: the commands that the specs of key providers declare."""

from __future__ import annotations

from pathlib import Path

import click

from sealring.cli.options import one_line_failures, settings_option
from sealring.errors import SealringError
from sealring.providers import registry
from sealring_plugin import ConfigField, ProviderCommand


def providers_with_commands() -> list[str]:
    """Return the installed providers that have commands. A plugin that cannot be loaded has none."""
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
        from sealring import settings  # noqa: PLC0415  the help of `sealring` lists these commands, and loads no server
        from sealring.server import wiring  # noqa: PLC0415

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
