"""Mutants: named faults of the source, kept in a list for each package so that the lists grow with the code."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_OF_A_LIST = {"source", "tests", "mutant"}
_OF_A_MUTANT = {"name", "symbol", "original", "replacement", "tests"}


class ListRefused(Exception):
    """A list cannot be used. The message is one line that names it and what is wrong."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: where `original` stands in `symbol`, `replacement` is put, and `tests` have to notice.

    `symbol` is a qualified name, e.g. `Keyring._unwrap_any`, wherever its module is; `opened_keys:_wipe` where several
    modules below `source` have that name and the text is in more than one of them.
    """

    package: str
    name: str
    source: str  # a folder of the tree: below it the symbol is looked for
    symbol: str
    original: str
    replacement: str
    tests: tuple[str, ...]  # of pytest, the nearest

    def __str__(self) -> str:
        return f"{self.package}/{self.name}"


def read_lists(folder: Path) -> Sequence[Mutant]:
    """Return the mutants of all lists, in the order of their packages. Raises ListRefused."""
    found = [mutant for path in sorted(folder.glob("*.toml")) for mutant in _read(path)]
    twice = sorted({str(each) for each in found if [*map(str, found)].count(str(each)) > 1})
    if twice:
        raise ListRefused(f"{twice[0]}: two mutants have this name")
    return found


def _read(path: Path) -> Iterable[Mutant]:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    _check_members(path, table, _OF_A_LIST)
    for each in table["mutant"]:
        _check_members(path, {"tests": table["tests"], **each}, _OF_A_MUTANT)
        yield Mutant(
            package=path.stem,
            name=each["name"],
            source=table["source"],
            symbol=each["symbol"],
            original=each["original"],
            replacement=each["replacement"],
            tests=tuple(each.get("tests", table["tests"])),
        )


def _check_members(path: Path, table: dict[str, object], members: set[str]) -> None:
    if table.keys() != members:
        name = table.get("name", "the list")
        raise ListRefused(f"{path.name}, {name}: it needs {', '.join(sorted(members))}, and nothing else")
