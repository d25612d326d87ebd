"""The settings of the seals of the root keys, any of which opens them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sealring.domain.root_seal import RECOVERY
from sealring.table import Table

DEFAULT_RETRY_S = 60
MAX_RETRY_S = 3600

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_OWN = ("retry_s", "folder")


@dataclass(frozen=True, slots=True)
class SealTable:
    """`[seal.<name>]`: its provider, and the provider's settings, which only the provider can check."""

    name: str
    provider: str
    members: Mapping[str, object] = field(repr=False)  # they may contain secrets


@dataclass(frozen=True, slots=True)
class Sealing:
    """`[seal]`. Without seals, the root keys are in a file in clear, or in a token."""

    folder: Path  # of the seal files
    retry_s: int  # how long a start tries to open the root keys
    seals: tuple[SealTable, ...]  # in the order of the settings

    @classmethod
    def parse(cls, table: Table, base: Path) -> Self:
        """Raises SettingsInvalid."""
        seals = tuple(_seal(table, name) for name in table.members if name not in _OWN)
        if table.members and not seals:
            table.refuse("1", "is missing: a seal is a table [seal.1] with a provider, or remove [seal]")
        retry_s = table.number("retry_s", DEFAULT_RETRY_S, most=MAX_RETRY_S)
        return cls(base / table.text("folder", "."), retry_s, seals)


def _seal(table: Table, name: str) -> SealTable:
    if not _NAME.fullmatch(name) or name == RECOVERY:
        table.refuse(name, f"is not a setting, and no name of a seal: 1-32 of [a-z0-9-], not '{RECOVERY}'")
    found = table.table(name)
    members = {member: value for member, value in found.members.items() if member != "provider"}
    return SealTable(name, found.text("provider"), members)
