"""Series of numbers: counters, gauges and histograms, each at a fixed place in memory that another process can read.

A family is declared once, with the closed set of values of each of its labels: a value that is not one of them counts
as `other`, so nothing of a request can become a label. A series is found once and kept; to count costs one lock and one
addition (docs/decisions/0020-counts-in-shared-memory.md).

Until a process is given memory that others read (observability/book.py), its numbers are in memory of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from math import nan
from threading import Lock
from typing import TypeVar

MAX_SERIES = 8_192  # numbers of one process; a server of fifty routes has about two thousand
OTHER = "other"

T = TypeVar("T")

_SEPARATOR = "\t"
_LEVEL = "="  # before the name of a level, which ends with its process
_SUM = "sum"
_FORBIDDEN = set('\t\n"\\\0')


class Across(Enum):
    """How a gauge of several workers becomes one number."""

    SUM = "sum"
    MOST = "most"
    LEAST = "least"


class Words:
    """The values that a label may have. A process adds to them what its settings and routes name."""

    def __init__(self, *known: str) -> None:
        self._known = dict.fromkeys(known)

    def __iter__(self) -> Iterator[str]:
        yield from self._known

    def add(self, *words: str) -> None:
        for word in words:
            if not _FORBIDDEN & set(word):
                self._known[word] = None

    def of(self, word: str) -> str:
        """Return the word if it is known, else `other`."""
        return word if word in self._known else OTHER


class Memory:
    """The numbers of this process, by place. A place never changes; the memory may move, before threads start."""

    __slots__ = ("_firsts", "_named", "_places", "lock", "values")

    def __init__(self) -> None:
        self.lock = Lock()
        self.values: memoryview[float] = memoryview(bytearray(8 * MAX_SERIES)).cast("d")
        self._places: dict[str, int] = {}  # by name, in the order of the places
        self._firsts: list[float] = []
        self._named: Callable[[int, Sequence[str]], None] = lambda _place, _names: None

    def numbers(self) -> Mapping[str, float]:
        """Return the number of each series, by name."""
        with self.lock:
            return {name: self.values[place] for name, place in self._places.items()}

    def places(self, names: Sequence[str], first: float) -> int:
        """Return the place of the first of these names, which follow each other; `first`: what new ones begin with."""
        with self.lock:
            if names[0] not in self._places:
                if len(self._firsts) + len(names) > MAX_SERIES:
                    raise RuntimeError("too many series: a label has too many values")
                self._add(dict.fromkeys(names, first))
            return self._places[names[0]]

    def move(self, values: memoryview[float], named: Callable[[int, Sequence[str]], None]) -> None:
        """Go on in other memory, with all series anew.

        `named` is called with the place of the first and the names of series, now and when there are new ones.
        """
        with self.lock:
            series = dict(zip(self._places, self._firsts, strict=True))
            self.values, self._named = values, named
            self._places, self._firsts = {}, []
            self._add(series)

    def _add(self, series: Mapping[str, float]) -> None:
        """Add series, with the number that each begins with."""
        place = len(self._firsts)
        for name, first in series.items():
            self.values[len(self._firsts)] = first
            self._places[name] = len(self._firsts)
            self._firsts.append(first)
        self._named(place, list(series))


MEMORY = Memory()

_lock = MEMORY.lock  # found faster than an attribute, in what each request does ten times


class Count:
    """A number that grows. Thread-safe."""

    __slots__ = ("_place",)

    def __init__(self, name: str) -> None:
        self._place = MEMORY.places([name], 0.0)

    def add(self, amount: float = 1.0) -> None:
        with _lock:
            MEMORY.values[self._place] += amount


class Level:
    """A number that is what it was last set to; not shown until then. Thread-safe."""

    __slots__ = ("_place",)

    def __init__(self, name: str) -> None:
        self._place = MEMORY.places([f"{_LEVEL}{name}"], nan)

    def set(self, number: float | None) -> None:
        """None: there is no number, and the level is not shown."""
        MEMORY.values[self._place] = nan if number is None else number


class Durations:
    """How often something took how long. Thread-safe."""

    __slots__ = ("_bounds", "_place", "_sum")

    def __init__(self, name: str, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        ends = [*map(bound_text, bounds), bound_text(float("inf")), _SUM]
        self._place = MEMORY.places([f"{name}{_SEPARATOR}{end}" for end in ends], 0.0)
        self._sum = self._place + len(bounds) + 1

    def observe(self, seconds: float) -> None:
        place = self._place + bisect_left(self._bounds, seconds)
        with _lock:
            values = MEMORY.values
            values[place] += 1.0
            values[self._sum] += seconds


class Family:
    """What all families have: a name, a meaning, and labels."""

    def __init__(self, name: str, text: str, labels: Mapping[str, Words]) -> None:
        self.name = name
        self.text = text
        self.labels = labels

    def named(self, values: Mapping[str, str]) -> str:
        """Return the name of a series in memory; unknown values of labels are replaced by `other`."""
        assert values.keys() == self.labels.keys(), "each label has a value"
        return _SEPARATOR.join([self.name, *(words.of(values[label]) for label, words in self.labels.items())])


class Counter(Family):
    """A family of counts; its name ends in `_total`."""

    def __init__(self, name: str, text: str, **labels: Words) -> None:
        super().__init__(name, text, labels)
        self._series: dict[str, Count] = {}

    def of(self, **values: str) -> Count:
        return _kept(self._series, self.named(values), Count)


class Gauge(Family):
    """A family of levels."""

    def __init__(self, name: str, text: str, across: Across, **labels: Words) -> None:
        super().__init__(name, text, labels)
        self.across = across
        self._series: dict[str, Level] = {}

    def of(self, **values: str) -> Level:
        return _kept(self._series, self.named(values), Level)


class Histogram(Family):
    """A family of durations, with the upper bounds of its buckets in seconds."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], **labels: Words) -> None:
        super().__init__(name, text, labels)
        self.bounds = bounds
        self._series: dict[str, Durations] = {}

    def of(self, **values: str) -> Durations:
        return _kept(self._series, self.named(values), lambda name: Durations(name, self.bounds))


def parts(name: str) -> Sequence[str]:
    """Return the family, the values of the labels and, for a histogram, the bucket of a series, from its name."""
    return name.removeprefix(_LEVEL).split(_SEPARATOR)


def is_level(name: str) -> bool:
    """Return whether a series is a level, from its name: it ends with its process, while counts stay."""
    return name.startswith(_LEVEL)


def bound_text(bound: float) -> str:
    """Return an upper bound as Prometheus writes it."""
    return "+Inf" if bound == float("inf") else repr(float(bound))


def _kept(series: dict[str, T], name: str, make: Callable[[str], T]) -> T:
    found = series.get(name)
    if found is None:
        found = series[name] = make(name)
    return found
