"""Footprint: what an object costs in the store's memory, key by key."""

import re
from collections import Counter
from dataclasses import dataclass

import redis

# The letters of the keys in sealring/store/schema/keyspace.py; one that is not here is shown as it is.
_KINDS = {
    "o": "object with its current version",
    "n": "name pointer",
    "d": "directory of names",
    "x": "index of an organization",
    "e": "index of an environment",
    "v": "older versions",
    "s": "their summaries",
    "m": "counts of an organization",
    "u": "counts of a KEK",
    "g": "epoch of an organization",
    "r": "revocations",
    "z": "marker of a partition",
}
_NOT_OF_OBJECTS = {"a", "k", "c", ""}  # audit stream, KEKs, their scopes, layout
_LETTER = re.compile(rb"s1:\{\d+\}:([a-z]+)")


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes an object, by MEMORY USAGE of every key and by the growth of used_memory, audit streams apart."""

    by_kind: dict[str, float]
    keys: dict[str, int]
    grown: float

    @property
    def total(self) -> float:
        return sum(self.by_kind.values())


class Scales:
    """Weighs a store before and after it is filled."""

    def __init__(self, store: redis.Redis) -> None:
        self._store = store
        self._empty = self._weigh()

    def footprint(self, objects: int) -> Footprint:
        """What each of the `objects` that came since costs."""
        used, usage, keys = self._weigh()
        used_before, usage_before, _ = self._empty
        grown = used - used_before - (usage["a"] - usage_before["a"])
        letters = sorted(set(usage) - _NOT_OF_OBJECTS, key=lambda letter: -usage[letter])
        return Footprint(
            {_kind(letter): (usage[letter] - usage_before[letter]) / objects for letter in letters},
            {_kind(letter): keys[letter] for letter in letters},
            grown / objects,
        )

    def _weigh(self) -> tuple[int, Counter[str], Counter[str]]:
        usage: Counter[str] = Counter()
        keys: Counter[str] = Counter()
        every = list(self._store.scan_iter(count=1000))
        pipeline = self._store.pipeline(transaction=False)
        for key in every:
            pipeline.memory_usage(key, samples=0)
        for key, size in zip(every, pipeline.execute(), strict=True):
            found = _LETTER.match(key)
            letter = found[1].decode() if found else ""
            usage[letter] += size
            keys[letter] += 1
        return int(self._store.info("memory")["used_memory"]), usage, keys


def _kind(letter: str) -> str:
    return f"{letter}: {_KINDS.get(letter, '?')}"
