"""Taking many things a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def in_batches(each: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` of them, the last one of what is left."""
    rest = iter(each)
    while batch := list(islice(rest, size)):
        yield batch
