"""Symbols: where a mutant's text stands, found by the names of classes, functions and constants and never by a path."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mutants.mutant import Mutant


class Stale(Exception):
    """A mutant's text is not there once, so that the mutant says nothing any more. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A class, a function or a constant of a module: its name there, and the lines of its text."""

    path: Path
    name: str
    first: int  # from 0
    end: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a mutant makes of one file."""

    path: Path  # relative to the tree
    text: str


def change_of(mutant: Mutant, root: Path) -> Change:
    """Return the change that the mutant is to the tree in `root`. Raises Stale."""
    module, _, name = mutant.symbol.rpartition(":")
    found = [each for each in definitions(root / mutant.source) if each.name == name and _is_of(each, module)]
    if not found:
        raise Stale(f"no {mutant.symbol} below {mutant.source}")
    holders = [(each, count) for each in found if (count := _text(each).count(mutant.original))]
    if [count for _, count in holders] != [1]:
        raise Stale(f"its text stands {sum(count for _, count in holders)} times in {mutant.symbol}")
    ((definition, _),) = holders
    changed = _replaced(definition, mutant)
    try:
        compile(changed, str(definition.path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise Stale(f"what it makes of {mutant.symbol} is no Python: {error.msg}") from None
    return Change(definition.path.relative_to(root), changed)


@cache
def definitions(folder: Path) -> Sequence[Definition]:
    """Return all definitions of all modules below a folder."""
    return [each for path in sorted(folder.rglob("*.py")) for each in _of_module(path)]


def _of_module(path: Path) -> Iterator[Definition]:
    yield from _below(path, ast.parse(path.read_text(encoding="utf-8")), "")


def _below(path: Path, parent: ast.AST, prefix: str) -> Iterator[Definition]:
    for node in ast.iter_child_nodes(parent):
        for name in _names(node):
            yield Definition(path, prefix + name, _first(node), node.end_lineno)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _below(path, node, f"{prefix}{node.name}.")


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _first(node: ast.AST) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min(each.lineno for each in [node, *decorators]) - 1


def _is_of(definition: Definition, module: str) -> bool:
    names = module.split(".")  # with folders before it, if several modules have its name
    return not module or list(definition.path.with_suffix("").parts[-len(names) :]) == names


def _text(definition: Definition) -> str:
    return "".join(_lines(definition)[definition.first : definition.end])


def _replaced(definition: Definition, mutant: Mutant) -> str:
    lines = _lines(definition)
    changed = _text(definition).replace(mutant.original, mutant.replacement)
    return "".join([*lines[: definition.first], changed, *lines[definition.end :]])


def _lines(definition: Definition) -> list[str]:
    return definition.path.read_text(encoding="utf-8").splitlines(keepends=True)
