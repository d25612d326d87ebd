"""The command `sealring` with its subcommands, in the order of their use. Only the one that runs is imported."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import click
from click.shell_completion import CompletionItem

from sealring.cli.failures import in_one_line
from sealring.cli.redaction import saying_no_token

# The module of each command, its name there, and the first sentence of its help.
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "dev": ("dev", "dev", "Start a whole server on this machine: keys, store, a token and a snippet to paste."),
    "init": ("server", "init", "Make the settings and keys, make an empty store ready, and pin it."),
    "init-store": ("init_store", "init_store", "Make an empty store ready and pin it, or check the pinned one."),
    "serve": ("server", "serve", "Start the server for production: gunicorn in the foreground."),
    "check-config": (
        "server",
        "check_config",
        "Check the settings, and connect to the issuers, the store and the key provider.",
    ),
    "plugins": ("server", "plugins", "List the installed key providers."),
    "doctor": ("doctor", "doctor", "Examine what the server depends on."),
    "kv": ("kv", "kv_commands", "Read and write secrets on a server."),
    "run": ("run", "run", "Run COMMAND with the secrets of a key context as environment variables."),
    "root": ("root", "root_commands", "Keep the root keys sealed by a KMS, an HSM or a recovery key."),
    "bindings": ("bindings", "bindings_commands", "Manage an organization's own keys."),
    "token": ("tokens", "token_commands", "Print a token signed with the local key, or revoke tokens."),
    "token-key": ("token_keys", "token_key_commands", "Rotate the key that `sealring token` signs with."),
    "limits": ("limits", "limits_commands", "Set limits for one organization."),
    "portal": ("portal", "portal_commands", "See the sessions of the portal, and end one."),
    "keyrings": ("keyrings", "keyrings_commands", "List keyrings, replace their keys, wrap them anew, destroy them."),
    "backup": ("store", "backup", "Write a backup of the store, encrypted with a managed key."),
    "restore": (
        "store",
        "restore",
        "Restore a backup (the file DATA and its key records) into an empty store, and verify it.",
    ),
    "verify": ("store", "verify", "Check everything in the store, and print a line for each finding."),
    "purge": ("store", "purge", "Remove deleted objects and audit entries that have expired."),
}


class _Commands(click.Group):
    """Our commands, and a group for each installed provider that has commands of its own.

    A user may give a token by mistake, where a file, an option or a command belongs: no error message repeats it.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with saying_no_token(), in_one_line():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with saying_no_token(), in_one_line():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return [*COMMANDS, *_providers().providers_with_commands()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name in COMMANDS:
            module, name, _ = COMMANDS[cmd_name]
            found: click.Command = getattr(import_module(f"sealring.cli.{module}"), name)
            return found
        providers = _providers()
        of_providers: list[str] = providers.providers_with_commands()
        return providers.provider_commands(cmd_name) if cmd_name in of_providers else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summary(name)) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        options = click.Command.shell_complete(self, ctx, incomplete)
        named = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [*(CompletionItem(name, help=self._summary(name)) for name in named), *options]

    def _summary(self, name: str) -> str:
        return COMMANDS[name][2] if name in COMMANDS else f"Commands of the key provider {name}."


def _providers() -> ModuleType:
    from sealring.cli import providers  # noqa: PLC0415  a command of ours needs none

    return providers


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sealring", message="%(prog)s %(version)s")
def main() -> None:
    """sealring: a self-hosted, multi-tenant secrets server with a key per context."""
    from sealring.server.hardening import harden  # noqa: PLC0415  the help needs none

    harden()
