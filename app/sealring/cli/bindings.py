"""`sealring bindings ...`: the operator manages an organization's own keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import orjson

from sealring import settings
from sealring.auth.scoping import operator
from sealring.cli.options import named_organization, one_line_failures, settings_option
from sealring.domain.binding import Binding
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.principal import Caller
from sealring.errors import SettingsInvalid
from sealring.http.bindings import render
from sealring.server import wiring
from sealring.services.bindings import Bindings, NewBinding

_organization_option = click.option(
    "--org",
    "org",
    required=True,
    callback=lambda _context, _option, text: named_organization(text),
    help="The organization.",
)
_binding_argument = click.argument("binding_id")


@click.group("bindings")
def bindings_commands() -> None:
    """Manage an organization's own keys: which contexts they guard, and whether they work."""


@bindings_commands.command()
@settings_option
@_organization_option
@click.option("--provider", required=True, help="The key's provider, e.g. awskms.")
@click.option("--key", required=True, help="The key's id at its provider.")
@click.option(
    "--match", "match", multiple=True, metavar="NAME=VALUE", help="A pair that a context must have; may be repeated."
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the provider; may be repeated."
)
@click.option("--show-context", "show", multiple=True, metavar="NAME", help="A pair that the key's owner may see.")
@click.option(
    "--combine",
    type=click.Choice(["all", "any"]),
    default="all",
    show_default=True,
    help="If several keys guard a context: whether opening needs all of them, or any one.",
)
@click.option(
    "--max-stale-decrypt-s",
    type=click.IntRange(0, 60),
    default=0,
    show_default=True,
    help="Seconds that a worker may cache data keys, so that a revoked key still opens.",
)
@click.option("--replaces", metavar="BINDING_ID", help="The binding to retire when this one becomes active.")
@click.option("--activate", is_flag=True, help="Verify the key and, if it works, activate the binding.")
@one_line_failures
def create(  # noqa: PLR0913, PLR0917  click passes each option as an argument
    path: Path,
    org: OrgId,
    provider: str,
    key: str,
    match: tuple[str, ...],
    options: tuple[str, ...],
    show: tuple[str, ...],
    combine: str,
    max_stale_decrypt_s: int,
    replaces: str | None,
    activate: bool,  # noqa: FBT001
) -> None:
    """Bind a key, and print the binding with its findings."""
    new = NewBinding(
        org=org,
        match=KeyContext.of({"organization_id": org, **dict(map(_pair, match))}),
        provider=provider,
        key=key,
        options=dict(map(_pair, options)),
        combine=Combine.ANY if combine == "any" else Combine.ALL,
        show=show,
        max_stale_decrypt_s=max_stale_decrypt_s,
        replaces=replaces,
    )
    with _opened(path) as (bindings, caller):
        _print(render.binding(bindings.create(caller, new, activate=activate)))


@bindings_commands.command("list")
@settings_option
@_organization_option
@one_line_failures
def list_(path: Path, org: OrgId) -> None:
    """Print all bindings of an organization, and how their keys were used."""
    with _opened(path) as (bindings, caller):
        found = bindings.list(caller, org)
        _print(render.bindings(found, bindings.uses(caller, org, found)))


@bindings_commands.command()
@settings_option
@_organization_option
@click.option("--provider", required=True, help="The key's provider, e.g. awskms.")
@one_line_failures
def setup(path: Path, org: OrgId, provider: str) -> None:
    """Print the steps that a key's admin has to take before the key can be bound."""
    with _opened(path) as (bindings, caller):
        guide = bindings.setup(caller, provider, org)
        for number, step in enumerate(guide.steps, 1):
            click.echo(f"{number}. {step}")
        click.echo(guide.policy)


@bindings_commands.command()
@settings_option
@_binding_argument
@one_line_failures
def delete(path: Path, binding_id: str) -> None:
    """Delete a pending binding."""
    with _opened(path) as (bindings, caller):
        bindings.delete(caller, binding_id)


def _each(name: str, help_text: str, use_case: Callable[[Bindings, Caller, str], Binding]) -> None:
    """Add a command that takes a binding, and prints it."""

    def run(path: Path, binding_id: str) -> None:
        with _opened(path) as (bindings, caller):
            _print(render.binding(use_case(bindings, caller, binding_id)))

    bindings_commands.command(name, help=help_text)(settings_option(_binding_argument(one_line_failures(run))))


_each("read", "Print a binding.", Bindings.read)
_each("validate", "Verify a binding's key, and print the binding with its findings.", Bindings.validate)
_each("activate", "Verify a binding's key and, if it works, activate the binding.", Bindings.activate)
_each("suspend", "Refuse all requests for what a binding guards, at once.", Bindings.suspend)
_each("retire", "Stop wrapping with a binding's key; it still unwraps what it wrapped.", Bindings.retire)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Bindings, Caller]]:
    config = settings.load(path)
    with wiring.opened_stores(config) as (gateway, stores):
        caller = Caller(operator(_environment(config)), "command-line")
        yield wiring.make_bindings(wiring.load_plugins(config), gateway, stores), caller


def _environment(config: settings.Settings) -> EnvironmentId:
    found = {issuer.environment_id for issuer in config.issuers}
    if len(found) > 1:
        raise SettingsInvalid("the settings have several environments; use the API with a token of the one you mean")
    return found.pop()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r}: write it as NAME=VALUE.")
    return name, value


def _print(payload: object) -> None:
    click.echo(orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode())
