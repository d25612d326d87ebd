"""`sealring portal ...`: the operator sees the sessions of the portal, and ends one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
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
from sealring.domain.portal import PortalSession
from sealring.domain.principal import Caller
from sealring.server import wiring
from sealring.services.portal import PortalSessions

_organization_option = click.option(
    "--organization",
    "org",
    metavar="ORG",
    default=None,
    callback=lambda _context, _option, text: None if text is None else named_organization(text),
    help="Only those of one organization.",
)


@click.group("portal")
def portal_commands() -> None:
    """See the sessions of the portal, and end one."""


@portal_commands.group("sessions")
def sessions_commands() -> None:
    """The sessions of people who used a link to the portal."""


@sessions_commands.command("list")
@settings_option
@environment_option
@_organization_option
@one_line_failures
def list_(path: Path, environment: str | None, org: OrgId | None) -> None:
    """Print the sessions that have not ended, the oldest first."""
    with _opened(path, environment) as (sessions, caller):
        _print([_shown(each) for each in sessions.list(caller, org)])


@sessions_commands.command()
@settings_option
@environment_option
@click.argument("session_id", metavar="ID")
@one_line_failures
def end(path: Path, environment: str | None, session_id: str) -> None:
    """End the session ID, which `list` shows: its next request is refused."""
    with _opened(path, environment) as (sessions, caller):
        _print(_shown(sessions.end(caller, session_id)))
    click.echo("ended", err=True)


@contextmanager
def _opened(path: Path, environment: str | None) -> Iterator[tuple[PortalSessions, Caller]]:
    config = settings.load(path)
    caller = Caller(operator(environment_of(config.environments, environment)), "command-line")
    with wiring.opened_stores(config) as (_, stores):
        yield PortalSessions(stores.portal), caller


def _shown(session: PortalSession) -> dict[str, str]:
    return {
        "id": session.text_id,
        "organization_id": session.org,
        "intent": session.intent.value,
        "began_at": _time(session.began_at),
        "ends_at": _time(session.ends_at),
    }


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _print(payload: object) -> None:
    click.echo(orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode())
