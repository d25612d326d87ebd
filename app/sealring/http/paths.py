"""A fast lookup of routes: as Flask's URL map, but 1 µs instead of 25, for the most frequent routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

_SHORT = re.compile(r"([^<>]*)(?:/<([a-z_]+)>)?")  # a fixed path, with one value at its end or with none


class Paths(Generic[T]):
    """Entries by method and path, for rules with at most one value, in their last segment.

    A fixed path has precedence over a value, as in the URL map. Thread-safe once it is filled.
    """

    def __init__(self) -> None:
        self._fixed: dict[tuple[str, str], T] = {}
        self._ending: dict[tuple[str, str], tuple[str, T]] = {}

    def add(self, method: str, rule: str, what: T) -> None:
        """Add the entry of a rule; a rule of another form is ignored."""
        short = _SHORT.fullmatch(rule)
        if short is None:
            return
        path, name = short.groups()
        if name is None:
            self._fixed[method, path] = what
        else:
            self._ending[method, path] = (name, what)

    def find(self, method: str, path: str) -> tuple[T, Mapping[str, str]] | None:
        """Return the entry of a path, and its value by name; None: ask the URL map."""
        fixed = self._fixed.get((method, path))
        if fixed is not None:
            return fixed, {}
        before, _, last = path.rpartition("/")
        ending = self._ending.get((method, before))
        return (ending[1], {ending[0]: last}) if ending is not None and last else None


def hides_slash(target: str, path: str, values: Mapping[str, str], tail: str = "") -> bool:
    """Return whether a slash of the route was sent as `%2F`, which is allowed only in its last value, such as a name.

    A proxy that blocks a route does not recognize it with `%2F`. `target` is the target of the request line, in origin
    or absolute form, `path` is its decoded path, and `tail` is what the route has after its last value: that has to be
    written as it is.
    """
    written = target.partition("?")[0]
    if not written.endswith(tail):
        return True
    written, path = written.removesuffix(tail), path.removesuffix(tail)
    if not written.startswith("/"):
        written = "/" + written.partition("://")[2].partition("/")[2]
    last = list(values.values())[-1:]
    of_the_route = path.removesuffix("".join(last)).count("/")
    pieces = written.lower().split("/", of_the_route)
    return len(pieces) <= of_the_route or "%2f" in "/".join(pieces[:of_the_route])
