"""`sealring keyrings ...`: which keyrings there are, and the life of their keys."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from sealring import settings
from sealring.auth.scoping import operator
from sealring.cli.options import environment_of, environment_option, one_line_failures, settings_option
from sealring.domain.keyring_ports import KeyringPage
from sealring.domain.keyrings import DekInfo, Keyring
from sealring.domain.principal import Caller
from sealring.errors import ChangeRefused, InvalidBody, NotFound
from sealring.observability.logs import Log
from sealring.server.keyring_wiring import opened_keyrings
from sealring.services.keyring_care import KeyringCare, RollReport
from sealring.services.keyrings import Keyrings

_NO_SUCH = "there is no such keyring; `sealring keyrings list` prints those of an environment"

_ring_argument = click.argument("keyring", callback=lambda _context, _argument, name: _keyring(name))


@click.group("keyrings")
def keyrings_commands() -> None:
    """List keyrings, replace their keys, wrap them anew, destroy them."""


@keyrings_commands.command("list")
@settings_option
@environment_option
@one_line_failures
def list_(path: Path, environment: str | None) -> None:
    """Print each keyring with the number of its keys, one JSON object a line."""
    counts: Counter[str] = Counter()  # a large keyring may be on several pages
    with _opened(path, environment) as there:
        for page in there.pages():
            for digest in page.altered:
                click.echo(f"keyring {digest}: its name cannot be read; run: sealring verify", err=True)
            for each in page.keyrings:
                counts[each.ring.ring.name] += len(each.deks)
    for name, keys in counts.items():
        click.echo(orjson.dumps({"keyring": name, "keys": keys}))


@keyrings_commands.command()
@settings_option
@environment_option
@_ring_argument
@one_line_failures
def show(path: Path, environment: str | None, keyring: Keyring) -> None:
    """Print the keys of KEYRING, oldest first."""
    with _opened(path, environment) as there:
        try:
            deks = there.care.show(there.caller, keyring)
        except NotFound:
            raise ChangeRefused(_NO_SUCH) from None
        _print([_shown(each) for each in deks])


@keyrings_commands.command()
@settings_option
@environment_option
@_ring_argument
@one_line_failures
def rotate(path: Path, environment: str | None, keyring: Keyring) -> None:
    """Make a new key for KEYRING, and print it. The older keys still decrypt."""
    with _opened(path, environment) as there:
        _print(_shown(there.keyrings.rotate(keyring, there.caller)))


@keyrings_commands.command()
@settings_option
@environment_option
@one_line_failures
def roll(path: Path, environment: str | None) -> None:
    """Wrap the keys of all keyrings under the KEKs of the settings and bindings as they are now.

    Stopped anywhere, it may begin again. It ends with a pass that verifies, and says which KEKs guard no key any more.
    """
    with _opened(path, environment) as there:
        report = RollReport()
        with click.progressbar(length=there.care.count(there.caller), label="keys", file=sys.stderr) as bar:
            for done in there.care.roll(there.caller, report):
                bar.update(done)
        _tell(report)


@keyrings_commands.command()
@settings_option
@environment_option
@_ring_argument
@click.option("--yes", is_flag=True, help="Destroy it without a question.")
@one_line_failures
def destroy(path: Path, environment: str | None, keyring: Keyring, yes: bool) -> None:  # noqa: FBT001
    """Delete KEYRING with all its keys: nothing that it encrypted can be decrypted ever again, except from a backup."""
    if not yes:
        click.confirm("Nothing that this keyring encrypted will open again. Destroy it?", abort=True, err=True)
    with _opened(path, environment) as there:
        keys = there.care.destroy(there.caller, keyring)
        if keys == 0:
            raise ChangeRefused(_NO_SUCH)
    click.echo(f"destroyed {keys} keys", err=True)


@dataclass(frozen=True, slots=True)
class _There:
    caller: Caller
    keyrings: Keyrings
    care: KeyringCare

    def pages(self) -> Iterator[KeyringPage]:
        page = self.care.page(self.caller)
        yield page
        while page.after is not None:
            page = self.care.page(self.caller, page.after)
            yield page


@contextmanager
def _opened(path: Path, environment: str | None) -> Iterator[_There]:
    config = settings.load(path)
    caller = Caller(operator(environment_of(config.environments, environment)), "command-line", deadline=float("inf"))
    with opened_keyrings(config, Log(sys.stderr)) as opened:
        yield _There(caller, opened.keyrings, opened.care)


def _keyring(name: str) -> Keyring:
    try:
        return Keyring(name)
    except InvalidBody as refusal:
        raise click.BadParameter(str(refusal)) from None


def _tell(report: RollReport) -> None:
    """Print what a roll did. Raises ChangeRefused if it has to begin again."""
    click.echo(f"wrapped anew: {report.moved}, under their KEKs already: {report.current}, failed: {report.failed}")
    if report.kept:
        click.echo(f"kept: {report.kept}, under customers' keys that no longer guard new values")
    for name in sorted(report.after):
        click.echo(f"KEK {name}: guards {report.after[name]} keys")
    for name in report.unused:
        click.echo(
            f"KEK {name}: guards no key any more; safe to drop if every server has the settings of this command, and "
            "no backup that you may restore is older than this roll"
        )
    for keyring, dek, reason in report.failures:
        click.echo(f"{keyring} {dek}: {reason}", err=True)
    if report.failed:
        raise ChangeRefused("some keys were not wrapped anew; repair what is said above, and begin again")


def _shown(dek: DekInfo) -> dict[str, object]:
    return {
        "id": dek.id,
        "created_at_ms": dek.created_at,
        "newest": dek.latest,
        "keks": list(dek.keks),
        "encryptions": dek.encryptions,
    }


def _print(payload: object) -> None:
    click.echo(orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode())
