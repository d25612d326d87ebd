"""`sealring run -- COMMAND`: a program with the secrets of a key context as environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NoReturn

import click

from sealring.cli.reaching import context_option, key_context, org_option, reaching_a_server
from sealring.client.access import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE
from sealring.client.exchange import text_of
from sealring.client.failures import ClientError, NothingFound, ProgramNotStarted
from sealring.client.program import become
from sealring.client.variables import with_secrets
from sealring.client.vault import Vault, context_of

NOT_STARTED = 125  # as of env(1) and timeout(1): it failed before there was a command

_ORGANIZATION, _ALSO_ORGANIZATION = "organization_id", "organizationId"


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@reaching_a_server
@org_option
@context_option
@click.option("--keep-token", is_flag=True, help="Leave SEALRING_TOKEN and SEALRING_TOKEN_FILE to the command.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(vault: Vault, org: str | None, pairs: dict[str, str], keep_token: bool, command: tuple[str, ...]) -> NoReturn:  # noqa: FBT001
    """Run COMMAND with the secrets of a key context as environment variables: db-password is DB_PASSWORD.

    Takes each secret of the organization that has exactly the context of --org and --context. The command replaces this
    process, is started only with all of them, and nothing is written to disk. Exit status 125 if it was not started.
    """
    context = key_context(org, pairs)
    try:
        environment = with_secrets(_inherited(keep_token=keep_token), _found(vault, context))
    except ClientError as error:
        raise ProgramNotStarted(f"{error}. The command was not started", NOT_STARTED) from error
    become(command, environment)


def _inherited(*, keep_token: bool) -> dict[bytes, bytes]:
    dropped = set() if keep_token else {TOKEN_VARIABLE.encode(), TOKEN_FILE_VARIABLE.encode()}
    return {name: text for name, text in os.environb.items() if name not in dropped}


def _found(vault: Vault, context: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return all secrets of a context, at least one. Raises NothingFound."""
    secrets = list(_secrets(vault, context))
    if not secrets:
        raise NothingFound("the token may see no secret with exactly this key context")
    return secrets


def _secrets(vault: Vault, context: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield name and value of each object with this context. No other object is opened."""
    wanted = _in_one_spelling(context)
    for row in vault.list(org=wanted.get(_ORGANIZATION)):
        object_id = text_of(row, "id")
        if _in_one_spelling(context_of(vault.describe(object_id))) == wanted:
            opened = vault.read(object_id)
            yield text_of(opened, "name"), text_of(opened, "value")


def _in_one_spelling(context: Mapping[str, str]) -> dict[str, str]:
    return {_ORGANIZATION if name == _ALSO_ORGANIZATION else name: value for name, value in context.items()}
