"""`sealring limits ...`: the operator sets limits for one organization, instead of those of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import click
import orjson

from sealring import settings
from sealring.auth.scoping import operator
from sealring.cli.options import (
    environment_of,
    environment_option,
    named_organization,
    one_line_failures,
    settings_option,
)
from sealring.domain.ids import OrgId
from sealring.domain.limits import MAX_QUOTA, MAX_RATE, Override
from sealring.domain.principal import Caller
from sealring.errors import ChangeRefused, IntegrityFailure
from sealring.http.usage import render
from sealring.server import wiring
from sealring.services.limits import LimitChanges, Usages

IN_FORCE_S = 5  # services/limits.py: read every 2 s, and the time of one read

_organization_argument = click.argument("org", callback=lambda _context, _argument, text: named_organization(text))
_quota = click.IntRange(0, MAX_QUOTA)


@click.group("limits")
def limits_commands() -> None:
    """Set limits for one organization; all others have those of the settings."""


@limits_commands.command("set")
@settings_option
@environment_option
@_organization_argument
@click.option("--requests-per-second", type=click.IntRange(0, MAX_RATE), help="Of all workers together; 0: no limit.")
@click.option("--objects", type=_quota, help="Objects, deleted ones included until they are purged; 0: no limit.")
@click.option("--bytes", "stored_bytes", type=_quota, help="Bytes of all versions that are kept; 0: no limit.")
@click.option("--contexts", type=_quota, help="Key contexts with a managed key; 0: no limit.")
@one_line_failures
def set_(path: Path, environment: str | None, org: OrgId, **given: int | None) -> None:
    """Set limits of the organization ORG. Those that are not given stay as they are."""
    override = Override(**given)
    if override == Override():
        raise click.UsageError("Give at least one limit.")
    with _opened(path, environment) as there:
        _print({"organization_id": org, "set": _shown(there.changes.set(there.caller, org, override))})
    click.echo(f"in force in every worker within {IN_FORCE_S} seconds", err=True)


@limits_commands.command()
@settings_option
@environment_option
@click.argument("org", required=False, callback=lambda _context, _argument, text: text and named_organization(text))
@one_line_failures
def show(path: Path, environment: str | None, org: OrgId | None) -> None:
    """Print the limits of the organization ORG with what it uses; without ORG, all limits that were set."""
    with _opened(path, environment) as there:
        overrides = there.overrides()
        if org is None:
            _print([{"organization_id": each, "set": _shown(overrides[each])} for each in sorted(overrides)])
            return
        usage = render.usage(there.usages.read(there.caller, org))
        _print({**usage, "set": _shown(overrides.get(org, Override()))})


@limits_commands.command()
@settings_option
@environment_option
@click.argument("org", required=False, callback=lambda _context, _argument, text: text and named_organization(text))
@click.option("--all", "every", is_flag=True, help="All organizations, also if what is stored was altered.")
@one_line_failures
def clear(path: Path, environment: str | None, org: OrgId | None, every: bool) -> None:  # noqa: FBT001
    """Remove what was set for the organization ORG: the limits of the settings apply."""
    if (org is None) is not every:
        raise click.UsageError("Give either ORG or --all.")
    with _opened(path, environment) as there:
        if org is None:
            there.changes.clear_all(there.caller)
        else:
            there.changes.clear(there.caller, org)
    click.echo(f"cleared; in force in every worker within {IN_FORCE_S} seconds", err=True)


@dataclass(frozen=True, slots=True)
class _There:
    caller: Caller
    changes: LimitChanges
    usages: Usages

    def overrides(self) -> Mapping[OrgId, Override]:
        return self.changes.all(self.caller)


@contextmanager
def _opened(path: Path, environment: str | None) -> Iterator[_There]:
    config = settings.load(path)
    caller = Caller(operator(environment_of(config.environments, environment)), "command-line")
    with wiring.opened_stores(config) as (_, stores):
        limits = wiring.make_limits(config, stores)
        limits.renew()
        try:
            yield _There(caller, LimitChanges(stores.limits), Usages(stores.usage, limits.of))
        except IntegrityFailure as failure:
            raise ChangeRefused(
                f"what is stored of limits was altered ({failure.reason}); `sealring limits clear --all` removes all "
                "limits that were set, and `sealring verify` finds altered counts"
            ) from failure


def _shown(override: Override) -> dict[str, int]:
    named = {each.name: getattr(override, each.name) for each in fields(override)}
    return {name: limit for name, limit in named.items() if limit is not None}


def _print(payload: object) -> None:
    click.echo(orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode())
