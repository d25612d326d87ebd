"""A replacement of workers by their successors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Succession:
    """A replacement of workers that has not ended."""

    successors: frozenset[int]  # by age, gunicorn's number of a worker
    retiring: frozenset[int]  # by process id
    until: float  # time.monotonic()
    ended: Callable[[bool], None]  # called with whether all successors serve
