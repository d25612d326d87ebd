"""Options and failures of the commands that talk to a running server."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from sealring.client.access import URL_VARIABLE, Access, find_token
from sealring.client.exchange import Exchange
from sealring.client.failures import ClientError, ProgramNotStarted
from sealring.client.vault import Vault

_FILE = click.Path(path_type=Path, dir_okay=False)

_OPTIONS = (
    click.option("--url", envvar=URL_VARIABLE, show_envvar=True, help="The server: https://host or https://host:port."),
    click.option(
        "--token-file",
        type=_FILE,
        help="A file with the token.  [default: the file in SEALRING_TOKEN_FILE, or the token in SEALRING_TOKEN]",
    ),
    click.option(
        "--ca-file",
        type=_FILE,
        envvar="SEALRING_CA_FILE",
        show_envvar=True,
        help="Certificates to trust beside those of the system, in PEM.",
    ),
    click.option(
        "--allow-http",
        is_flag=True,
        envvar="SEALRING_ALLOW_HTTP",
        show_envvar=True,
        help="Send token and values without TLS to another machine, if the network itself encrypts.",
    ),
)

org_option = click.option("--org", metavar="ORG", help="The organization, if the token is for several.")
context_option = click.option(
    "--context",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda _context, _option, texts: _pairs(texts),
    help="A pair of the key context; may be repeated.",
)


def reaching_a_server(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the objects of the server as its first argument, and report failures in one line."""

    @wraps(command)
    def run(*, url: str | None, token_file: Path | None, ca_file: Path | None, allow_http: bool, **given: Any) -> None:
        try:
            command(_vault(url, token_file, ca_file, allow_http=allow_http), **given)
        except ClientError as error:
            raise _reported(error) from error

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def key_context(org: str | None, pairs: dict[str, str]) -> dict[str, str]:
    """Return the key context that the options say. Raises click.UsageError if they say two organizations, or none."""
    named = {"organization_id": org} if org is not None else {}
    if any(pairs.get(name, org) != org for name in named):
        raise click.UsageError("--org and --context say different organizations.")
    if not (named or pairs):
        raise click.UsageError("Say the key context: --org ORG, or --context NAME=VALUE, or both.")
    return named | pairs


def _vault(url: str | None, token_file: Path | None, ca_file: Path | None, *, allow_http: bool) -> Vault:
    if not url:
        raise click.UsageError(
            f"Set {URL_VARIABLE}, or give --url. For the server of `sealring dev`: . .sealring/dev.env"
        )
    access = Access.of(url, find_token(token_file, os.environ), allow_http=allow_http)
    return Vault(Exchange(access, ca_file))


def _reported(error: ClientError) -> click.ClickException:
    failure = click.ClickException(shown(str(error)))
    if isinstance(error, ProgramNotStarted):
        failure.exit_code = error.status  # type: ignore[misc]  # click asks the instance
    return failure


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name in pairs:
            raise click.BadParameter("write each pair as NAME=VALUE, and each name once.")
        pairs[name] = value
    return pairs


def shown(text: str) -> str:
    """Return a text of the server for a terminal: control characters and changes of direction are replaced."""
    return "".join(each if each.isprintable() or each in _JOINERS else "\ufffd" for each in text)


_JOINERS = "\u200c\u200d"  # between parts of an emoji or of a word
