"""One table of the settings, read strictly: a missing, unknown or mistyped member is refused by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from sealring.errors import SettingsInvalid


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and its name for messages: `[store]`, `issuer 'https://...':`; empty for the whole file.

    Each method raises SettingsInvalid, with one line that names the place and the valid values.
    """

    name: str
    members: Mapping[str, object]

    def refuse(self, member: str, wrong: str) -> NoReturn:
        raise SettingsInvalid(f"{self.name} {member} {wrong}" if self.name else f"[{member}] {wrong}")

    def only(self, *known: str) -> None:
        for member in self.members:
            if member not in known:
                self.refuse(member, f"is not a setting; known are: {', '.join(known)}")

    def table(self, member: str, default: Mapping[str, object] | None = None) -> Table:
        value = self.members.get(member, default)
        if not isinstance(value, dict):
            self.refuse(member, "is missing or not a table")
        return Table(self._inside(member), value)

    def tables(self, member: str) -> list[Mapping[str, object]]:
        value = self.members.get(member)
        if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
            self.refuse(
                member, "must be there at least once" if self.name else f"must be there at least once, as [[{member}]]"
            )
        return value

    def _inside(self, member: str) -> str:
        """Return the name of a table in this one."""
        if self.name.endswith("]"):
            return f"{self.name.removesuffix(']')}.{member}]"
        return f"{self.name} {member}:" if self.name else f"[{member}]"

    def text(self, member: str, default: str | None = None) -> str:
        value = self.members.get(member, default)
        if not isinstance(value, str) or not value:
            self.refuse(member, "is missing or not a text")
        return value

    def printable(self, member: str, default: str | None = None) -> str:
        value = self.text(member, default)
        if not value.isprintable():
            self.refuse(member, "must be a text of printable characters")
        return value

    def texts(self, member: str, default: list[str] | None = None) -> list[str]:
        """Return a list of texts; one of them may be empty."""
        values = self.members.get(member, default)
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            self.refuse(member, "must be a list of texts")
        return values

    def choices(self, member: str, allowed: frozenset[str]) -> frozenset[str]:
        chosen = frozenset(self.texts(member))
        if not chosen or not chosen <= allowed:
            self.refuse(member, f"must be a list of {', '.join(sorted(allowed))}")
        return chosen

    def number(self, member: str, default: int, *, least: int = 1, most: int) -> int:
        value = self.members.get(member, default)
        if type(value) is not int or not least <= value <= most:
            self.refuse(member, f"must be a whole number from {least} to {most}")
        return value

    def flag(self, member: str) -> bool:
        value = self.members.get(member, False)
        if not isinstance(value, bool):
            self.refuse(member, "must be true or false")
        return value
