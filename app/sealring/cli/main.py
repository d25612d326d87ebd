"""The command `sealring` with its subcommands, in the order of their use."""

from __future__ import annotations

from typing import Any

import click

from sealring.cli.bindings import bindings_commands
from sealring.cli.dev import dev
from sealring.cli.doctor import doctor
from sealring.cli.limits import limits_commands
from sealring.cli.providers import provider_commands, providers_with_commands
from sealring.cli.redaction import saying_no_token
from sealring.cli.root import root_commands
from sealring.cli.server import check_config, init, plugins, serve
from sealring.cli.store import backup, purge, restore, verify
from sealring.cli.token_keys import token_key_commands
from sealring.cli.tokens import token_commands
from sealring.server.hardening import harden


class _Commands(click.Group):
    """Our commands, and a group for each installed provider that has commands of its own.

    A user may give a token by mistake, where a file, an option or a command belongs: no error message repeats it.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with saying_no_token():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with saying_no_token():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *providers_with_commands()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        ours = super().get_command(ctx, name)
        return provider_commands(name) if ours is None and name in providers_with_commands() else ours


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sealring", message="%(prog)s %(version)s")
def main() -> None:
    """sealring: a self-hosted, multi-tenant secrets server with a key per context."""
    harden()


for each in (
    dev,
    init,
    serve,
    check_config,
    plugins,
    doctor,
    root_commands,
    bindings_commands,
    token_commands,
    token_key_commands,
    limits_commands,
    backup,
    restore,
    verify,
    purge,
):
    main.add_command(each)
