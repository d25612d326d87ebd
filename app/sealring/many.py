"""Many pieces of work in one request: others have their turn in between."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Generic, TypeVar

from sealring.fibers import LARGE_BYTES, Fibers, Outcome, current, heavy

K = TypeVar("K")
R = TypeVar("R")
T = TypeVar("T")
E = TypeVar("E", bound=Exception)
F = TypeVar("F", bound=BaseException)


def in_turns(items: Sequence[T], weights: Sequence[int], work: Callable[[Sequence[T]], Sequence[R]]) -> list[R]:
    """Return what `work` makes of all items. It gets a few of them at once; a heavy one by itself, in a thread.

    A weight says how many bytes an item's work compares to. The other fibers have turns in between.
    """
    results: list[R] = []
    for start, end in _parts(weights):
        some = partial(work, items[start:end])
        results += heavy(some, weights[start]) if end == start + 1 else some()
    return results


def paced(items: Mapping[K, T], work: Callable[[T], R], each_bytes: int, size: Callable[[T], int]) -> dict[K, R]:
    """Do the work for each item, and return the results by the items' keys. Raises what the work raises.

    An item's work compares to `each_bytes` and to those of its `size`, and the other fibers have turns in between.
    """
    if each_bytes * len(items) + sum(map(size, items.values())) <= LARGE_BYTES:
        return {key: work(item) for key, item in items.items()}
    results: dict[K, R] = {}
    keys = list(items)
    for start, end in _parts([each_bytes + size(item) for item in items.values()]):
        results |= {key: work(items[key]) for key in keys[start:end]}
    return results


def _parts(weights: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield start and end of parts of LARGE_BYTES of work or of one item, and let others have turns in between."""
    sums = list(accumulate(weights))
    start = done = 0
    while start < len(sums):
        end = max(start + 1, bisect_right(sums, done + LARGE_BYTES))
        yield start, end
        start, done = end, sums[end - 1]
        if start < len(sums):
            give_way()


def bare(failure: E) -> E:
    """Return a failure that is kept as a result without its frames, which would keep themselves and secrets alive."""
    failure.__cause__ = failure.__context__ = None
    return failure.with_traceback(None)


def like(failure: F) -> F:
    """Return a failure that says the same, to raise or keep: what was raised keeps the frames of a request alive.

    Each thread raises one of its own, because raising one changes it.
    """
    same = type(failure).__new__(type(failure), *failure.args)
    same.__dict__.update(failure.__dict__)
    return same


def give_way() -> None:
    """Let the other fibers of the loop have their turn."""
    fibers = current()
    if fibers is None:
        return

    def begin(resume: Callable[[None], None]) -> None:
        fibers.loop.call_soon(resume, None)

    fibers.suspend(begin)


def together(works: Sequence[Callable[[], T]], at_once: int) -> list[Outcome[T]]:
    """Do each work, `at_once` at the same time, and return the outcomes in the same order; in a thread, one by one."""
    fibers = current()
    if fibers is None or min(len(works), at_once) < 2:
        return [Outcome.of(work) for work in works]
    return _Together(works, fibers).done(min(len(works), at_once))


class _Together(Generic[T]):
    """Works for further fibers: each of them takes the next one as soon as it is free."""

    def __init__(self, works: Sequence[Callable[[], T]], fibers: Fibers) -> None:
        self._fibers = fibers
        self._works = works
        self._rest = iter(range(len(works)))
        self._outcomes: dict[int, Outcome[T]] = {}
        self._resume: Callable[[None], None] = lambda _nothing: None

    def done(self, at_once: int) -> list[Outcome[T]]:
        def begin(resume: Callable[[None], None]) -> None:
            self._resume = resume
            for _ in range(at_once):
                self._fibers.loop.call_soon(self._fibers.start, self._work)

        self._fibers.suspend(begin)
        return [self._outcomes[number] for number in range(len(self._works))]

    def _work(self) -> None:
        for number in self._rest:
            self._outcomes[number] = Outcome.of(self._works[number])
            if len(self._outcomes) == len(self._works):
                self._fibers.loop.call_soon(self._resume, None)
