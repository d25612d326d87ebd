"""`sealring token ...`: make tokens of the local issuer, and revoke tokens of any issuer in the settings."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click
import orjson
from click.core import ParameterSource

from sealring import settings
from sealring.auth.profiles import IssuerProfile
from sealring.auth.scoping import operator
from sealring.auth.tokens import (
    MAX_HEADER_BYTES,
    MAX_SUBJECT_CHARACTERS,
    MAX_TOKEN_ID_CHARACTERS,
    BearerToken,
    plain_text,
    unverified,
)
from sealring.cli.options import one_line_failures, settings_option
from sealring.domain.ids import OrgId, org_id
from sealring.domain.principal import Caller, Permission
from sealring.domain.revocation import Reach, Revocation, Target
from sealring.errors import ChangeRefused, SettingsInvalid, Unauthenticated
from sealring.operator import token_inspection
from sealring.operator.tokens import mint_token
from sealring.server import wiring
from sealring.services.revocations import Revocations, Validity

DEFAULT_DAYS = 90
IN_FORCE_S = 5  # auth/revoked.py: 4 s, and the time of one read

_LIFETIME = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
_UNIT_S = {"m": 60, "h": 3_600, "d": settings.DAY_S}

_issuer_option = click.option("--issuer", help="The issuer of the tokens.  [default: the local issuer]")


@click.group("token", invoke_without_command=True)
@settings_option
@click.option("--org", "orgs", multiple=True, help="An organization that the token is for; may be repeated.")
@click.option(
    "--all-organizations", is_flag=True, help="For all organizations of the environment, and for objects without one."
)
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    type=click.Choice([each.value for each in Permission]),
    help="A permission; may be repeated.  [default: all that the issuer may give]",
)
@click.option("--subject", help="Who the token is for, e.g. the name of a service.  [required]")
@click.option("--name", help="Shown as the author of changes.  [default: the subject]")
@click.option("--days", type=click.IntRange(1, 3650), help="How long the token lives.  [default: 90]")
@click.option(
    "--lifetime",
    "lifetime_s",
    metavar="TIME",
    callback=lambda _context, _option, text: None if text is None else _lifetime_s(text),
    help="How long the token lives, instead of --days: 15m, 12h or 30d.",
)
@click.pass_context
@one_line_failures
def token_commands(  # noqa: PLR0913, PLR0917  click passes each option as an argument
    context: click.Context,
    path: Path,
    orgs: tuple[str, ...],
    all_organizations: bool,  # noqa: FBT001
    permissions: tuple[str, ...],
    subject: str | None,
    name: str | None,
    days: int | None,
    lifetime_s: int | None,
) -> None:
    """Print a token signed with the local key, or revoke tokens. Official SDKs take a token as their API key."""
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return
    if subject is None:
        raise click.UsageError("Missing option '--subject'.")
    if bool(orgs) == all_organizations:
        raise click.UsageError("Say --org (once or more) or --all-organizations.")
    if days is not None and lifetime_s is not None:
        raise click.UsageError("Say --days or --lifetime, not both.")
    wanted = {Permission(each) for each in permissions} or set(Permission)
    scoped = wanted - {Permission.ALL_ORGANIZATIONS}
    minted = mint_token(
        settings.load(path),
        subject=subject,
        name=name or subject,
        organizations=[_organization(each) for each in orgs],
        permissions=scoped | {Permission.ALL_ORGANIZATIONS} if all_organizations else scoped,
        lifetime_s=lifetime_s or (days or DEFAULT_DAYS) * settings.DAY_S,
    )
    click.echo(minted)


@token_commands.command()
@settings_option
@_issuer_option
@click.option("--id", "token_id", metavar="JTI", help="The token with this id (claim jti).")
@click.option("--subject", help="Tokens of this subject (claim sub).")
@click.option(
    "--issued-before",
    metavar="TIME",
    help="Tokens issued before this time, e.g. 2026-01-31T12:00:00Z or now; without --subject, all of the issuer.",
)
@one_line_failures
def revoke(
    path: Path, issuer: str | None, token_id: str | None, subject: str | None, issued_before: str | None
) -> None:
    """Revoke tokens: the server refuses them from now on. It cannot be undone.

    Give --id, or --subject, --issued-before or both. With only --subject, all its tokens until now are revoked.
    """
    if (token_id is None) == (subject is None and issued_before is None):
        raise click.UsageError("Give only --id, or --subject, --issued-before or both.")
    before_s = _seconds(issued_before) if issued_before not in {None, "now"} else None
    with _opened(path, issuer) as (revocations, caller, profile):
        target = _target(profile, token_id, subject)
        validity = Validity(profile.max_lifetime_s, profile.leeway_s)
        made = revocations.revoke(caller, target, validity, before_s)
    click.echo(f"{_said(made)}; every worker refuses {_them(made)} within {IN_FORCE_S} seconds")


@token_commands.command()
@settings_option
@_issuer_option
@click.option(
    "--begin-anew",
    is_flag=True,
    help="Begin an empty list if there is none (the environment is new) or if it was altered. Earlier revocations are "
    "lost.",
)
@one_line_failures
def revocations(path: Path, issuer: str | None, begin_anew: bool) -> None:  # noqa: FBT001
    """Print the revocations in the environment of the issuer."""
    with _opened(path, issuer) as (listed, caller, _):
        if begin_anew and not listed.begin(caller):
            raise ChangeRefused("the list of revocations exists and is intact, so it stays")
        _print([_shown(each) for each in listed.list(caller)])


@token_commands.command()
@settings_option
@click.argument("file", type=click.Path(allow_dash=True, dir_okay=False), default="-")
@one_line_failures
def inspect(path: Path, file: str) -> None:
    """Print the claims of the token in FILE, and whether the server would accept it now. Exit status 1 if not.

    Without FILE it reads standard input. It prints neither the token nor its signature. On a machine without the
    settings of a server it prints the claims as they are, not verified, and the exit status is 1 too.
    """
    token = _token_in(file)
    try:
        found = token_inspection.inspect(settings.load(path), token) if _has_settings(path) else None
        header, claims = unverified(token) if found is None else (found.header, found.claims)
    except Unauthenticated as error:
        raise click.ClickException(f"the token cannot be read ({error.reason})") from None
    told = [f"verifies  not verified: {path} cannot be read", *token_inspection.times(claims, time.time())]
    for line in told if found is None else token_inspection.lines(found):
        click.echo(line)
    # in ASCII: a claim may contain control sequences for terminals
    click.echo(json.dumps({"header": header, "claims": claims}, indent=2))
    if found is None or found.refused:
        click.get_current_context().exit(1)


def _has_settings(path: Path) -> bool:
    """Return whether there are settings to verify with: those that somebody named have to be there."""
    named = click.get_current_context().get_parameter_source("path") is not ParameterSource.DEFAULT
    return named or os.access(path, os.R_OK)


def _token_in(file: str) -> BearerToken:
    """Read a token, with or without "Bearer" before it. Other bytes than ASCII become replacement characters."""
    try:
        with click.open_file(file, "rb") as opened:
            raw = opened.read(2 * MAX_HEADER_BYTES)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read ({error.strerror})") from error
    text = raw.decode("ascii", errors="replace").strip()
    return BearerToken(text.removeprefix("Bearer ").strip())


def _refuse_options_before(context: click.Context) -> None:
    """Refuse options before the subcommand: it would not get them, and might revoke more than was meant."""
    for parameter in context.command.params:
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"Say '{parameter.opts[0]}' after '{context.invoked_subcommand}'.")


@contextmanager
def _opened(path: Path, issuer: str | None) -> Iterator[tuple[Revocations, Caller, IssuerProfile]]:
    config = settings.load(path)
    profile = _profile(config, issuer)
    with wiring.opened_stores(config) as (_, stores):
        yield Revocations(stores.revocations), Caller(operator(profile.environment_id), "command-line"), profile


def _profile(config: settings.Settings, issuer: str | None) -> IssuerProfile:
    named = config.local_issuer.issuer if issuer is None and config.local_issuer is not None else issuer
    if named is None:
        raise SettingsInvalid("[token] is missing, so there is no local issuer; give --issuer")
    return config.profile_of(named)


def _target(profile: IssuerProfile, token_id: str | None, subject: str | None) -> Target:
    if token_id is not None:
        return Target(profile.issuer, Reach.TOKEN, _claim("--id", token_id, MAX_TOKEN_ID_CHARACTERS))
    if subject is not None:
        return Target(profile.issuer, Reach.SUBJECT, _claim("--subject", subject, MAX_SUBJECT_CHARACTERS))
    return Target(profile.issuer, Reach.ISSUER)


def _claim(option: str, text: str, limit: int) -> str:
    claim = plain_text(text, limit)
    if claim is None:
        raise click.UsageError(f"{option}: must be 1 to {limit} characters, without control characters.")
    return claim


def _lifetime_s(text: str) -> int:
    """Return the seconds of a lifetime such as 15m."""
    found = _LIFETIME.fullmatch(text)
    if found is None:
        raise click.BadParameter("minutes, hours or days, e.g. 15m, 12h or 30d.")
    return int(found[1]) * _UNIT_S[found[2]]


def _seconds(text: str) -> int:
    """Return seconds since 1970, rounded up: an `iat` in whole seconds is less than them if it is before the time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        _refuse_time()
    if at.tzinfo is None or at.timestamp() <= 0:
        _refuse_time()
    return math.ceil(at.timestamp())


def _refuse_time() -> NoReturn:
    raise click.UsageError("--issued-before: a time with its zone, e.g. 2026-01-31T12:00:00Z, or now.")


def _said(made: Revocation) -> str:
    target = made.target
    if target.reach is Reach.TOKEN:
        return f"revoked the token {target.of} of {target.issuer}"
    whose = f"to {target.of} " if target.reach is Reach.SUBJECT else ""
    return f"revoked all tokens that {target.issuer} issued {whose}before {_time(made.issued_before)}"


def _them(made: Revocation) -> str:
    return "it" if made.target.reach is Reach.TOKEN else "them"


def _shown(revocation: Revocation) -> dict[str, str]:
    target = revocation.target
    what = {
        Reach.TOKEN: {"id": target.of},
        Reach.SUBJECT: {"subject": target.of, "issued_before": _time(revocation.issued_before)},
        Reach.ISSUER: {"issued_before": _time(revocation.issued_before)},
    }[target.reach]
    kept = {"revoked_at": _time(revocation.made_at // 1_000_000), "kept_until": _time(revocation.expires_at)}
    return {"issuer": target.issuer, **what, **kept}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _organization(text: str) -> OrgId:
    org = org_id(text)
    if org is None:
        raise click.UsageError(f"--org {text!r}: 1 to 64 letters, digits, '_' and '-'.")
    return org


def _print(payload: object) -> None:
    click.echo(orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode())
