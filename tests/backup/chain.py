"""Objects that are changed one after the other while a partition is read."""

from backup.kit import updated
from sealring.store.backup.entries import BindingsEntry, BoundKekEntry, KeyEntry, ObjectEntry
from support.make import ACME, caller, context

ME = caller(ACME)
CHAIN = 8


class Chain:
    """Objects that are always updated one after the other, so that none is ever ahead of the one before it."""

    def __init__(self, use):
        self._use = use
        self.objects = [
            use.objects.create(ME, name=f"{number}", value="v", context=context()) for number in range(CHAIN)
        ]

    def advance(self):
        for each in self.objects:
            updated(self._use, ME, each, "v")


def times(count, work):
    """Does `work` the first `count` times that it is called."""
    calls = iter(range(count))
    return lambda: work() if next(calls, None) is not None else None


def final(entries):
    """The entries that were not replaced, by kind and id."""
    return {
        each.key: each for each in entries if isinstance(each, ObjectEntry | KeyEntry | BindingsEntry | BoundKekEntry)
    }
