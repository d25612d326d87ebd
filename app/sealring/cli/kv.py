"""`sealring kv ...`: a user's secrets on a running server."""

from __future__ import annotations

from collections.abc import Callable

import click

from sealring.cli.reaching import context_option, key_context, org_option, reaching_a_server
from sealring.cli.values import read_value, say, say_json, value_options, write_value
from sealring.client.exchange import Json, text_of
from sealring.client.failures import NothingFound, RequestRefused
from sealring.client.vault import Vault

_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: the answer of the server; of a list, the items of all pages."
)
_id_option = click.option("--id", "by_id", is_flag=True, help="NAME is the object's id.")
_name_argument = click.argument("name")
_version_check_option = click.option(
    "--version-check", metavar="VERSION_ID", help="Refuse unless this is the current version."
)


def _of_an_object(command: Callable[..., None]) -> Callable[..., None]:
    for option in (_json_option, org_option, _id_option, reaching_a_server):
        command = option(command)
    return _name_argument(command)


@click.group("kv")
def kv_commands() -> None:
    """Read and write secrets on a server."""


@kv_commands.command()
@_name_argument
@reaching_a_server
@org_option
@context_option
@value_options
@_json_option
def put(vault: Vault, name: str, org: str | None, pairs: dict[str, str], source: str | None, as_json: bool) -> None:  # noqa: FBT001, PLR0913, PLR0917  click passes each option as an argument
    """Store a new secret NAME. Its value comes from standard input or a file.

    The key context chooses the key, and can never be changed: --org ORG is the pair organization_id=ORG.
    """
    context = key_context(org, pairs)
    made = vault.create(name, read_value(source), context)
    _tell(made, as_json, f"created {name}, id {text_of(made, 'id')}, version {text_of(made, 'version_id')}")


@kv_commands.command()
@_of_an_object
@click.option("--version", "version_id", metavar="VERSION_ID", help="The value of an earlier version.")
def get(  # noqa: PLR0913, PLR0917
    vault: Vault,
    name: str,
    org: str | None,
    by_id: bool,  # noqa: FBT001
    version_id: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Print the value of NAME as it is: a pipe gets no line break after it."""
    if version_id is not None:
        found = vault.read_version(_id(vault, name, org, by_id=by_id), version_id)
    else:
        found = vault.read(name) if by_id else vault.read_by_name(name, org)
    value = text_of(found, "value")
    if as_json:
        say_json(found)
    else:
        write_value(value)


@kv_commands.command("list")
@reaching_a_server
@org_option
@click.option("--search", default="", metavar="TEXT", help="Only names with this text in them; case is ignored.")
@_json_option
def list_(vault: Vault, org: str | None, search: str, as_json: bool) -> None:  # noqa: FBT001
    """Print the time of the last write, the id and the name of each secret, the newest first."""
    rows = vault.list(search, org)
    if as_json:
        say_json(list(rows))
        return
    for row in rows:
        say(f"{text_of(row, 'updated_at')}  {text_of(row, 'id')}  {text_of(row, 'name')}")


@kv_commands.command()
@_of_an_object
def versions(vault: Vault, name: str, org: str | None, by_id: bool, as_json: bool) -> None:  # noqa: FBT001
    """Print the time and the id of each version of NAME, the newest first."""
    rows = vault.versions(_id(vault, name, org, by_id=by_id))
    if as_json:
        say_json(rows)
        return
    for row in rows:
        current = "  current" if row.get("current_version") is True else ""
        say(f"{text_of(row, 'created_at')}  {text_of(row, 'id')}{current}")


@kv_commands.command()
@_of_an_object
@value_options
@_version_check_option
def update(  # noqa: PLR0913, PLR0917
    vault: Vault,
    name: str,
    org: str | None,
    by_id: bool,  # noqa: FBT001
    source: str | None,
    version_check: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Store a new value of NAME. The former one stays as a version."""
    value = read_value(source)
    made = vault.update(_id(vault, name, org, by_id=by_id), value, version_check)
    metadata = made.get("metadata")
    version = text_of(metadata if isinstance(metadata, dict) else {}, "version_id")
    _tell(made, as_json, f"updated {text_of(made, 'name')}, version {version}")


@kv_commands.command()
@_of_an_object
@_version_check_option
def delete(  # noqa: PLR0913, PLR0917
    vault: Vault,
    name: str,
    org: str | None,
    by_id: bool,  # noqa: FBT001
    version_check: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Delete NAME. It can be restored by its id for some time, 30 days by default."""
    object_id = _id(vault, name, org, by_id=by_id)
    gone = vault.delete(object_id, version_check)
    said = f"deleted {text_of(gone, 'name')}; to have it back: sealring kv restore {object_id}"
    _tell({**gone, "id": object_id}, as_json, said)


@kv_commands.command()
@click.argument("object_id", metavar="ID")
@reaching_a_server
@_json_option
def restore(vault: Vault, object_id: str, as_json: bool) -> None:  # noqa: FBT001
    """Restore the deleted secret ID, under its name. `delete` prints the ID; nothing lists what is deleted."""
    try:
        restored = vault.restore(object_id)
    except RequestRefused as refused:
        if refused.code != "not_found":
            raise
        raise NothingFound(f"{refused}; restore takes the id that `delete` printed, not a name") from None
    _tell(restored, as_json, f"restored {text_of(restored, 'name')}")


def _id(vault: Vault, name: str, org: str | None, *, by_id: bool) -> str:
    return name if by_id else vault.id_of(name, org)


def _tell(document: Json, as_json: bool, text: str) -> None:  # noqa: FBT001
    if as_json:
        say_json(document)
    else:
        say(text)
