"""An iterable in parts of some size; batches of the API are in services/."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def in_batches(each: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` elements; the last one may be shorter."""
    rest = iter(each)
    while batch := list(islice(rest, size)):
        yield batch
