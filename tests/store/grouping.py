"""Transactions on counters."""

from sealring.store.transaction import Commit, transact
from support.make import ACME, caller

ME = caller(ACME)


def key(number):
    return b"s1:{0}:count:%d" % number


def add(links, number, meanwhile=lambda: None, tries=None):
    """Add one to a count, in a transaction; `meanwhile` runs between what it reads and what it writes."""

    def attempt(link, lost):
        _, count = link.send((b"WATCH", key(number)), (b"GET", key(number)))
        if tries is not None:
            tries.append(len(lost))
        meanwhile()
        return Commit(((b"INCR", key(number)),), int(count or 0) + 1)

    return transact(links, key(number), attempt)


def counts(links, numbers):
    return [int(each or 0) for each in links.call(*((b"GET", key(number)) for number in numbers))]
