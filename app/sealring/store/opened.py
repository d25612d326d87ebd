"""One opened store: the parts that all who work on the whole of it share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sealring.crypto.store_keys import StoreKeys
from sealring.store.keyspace import Keyspace
from sealring.store.links import Links
from sealring.store.records import Records
from sealring.store.redis_index import RedisIndex


@dataclass(frozen=True, slots=True)
class OpenedStore:
    """Thread-safe, as its parts are."""

    links: Links
    keys: StoreKeys
    keyspace: Keyspace
    records: Records
    index: RedisIndex

    @classmethod
    def of(cls, links: Links, keys: StoreKeys, partitions: int) -> Self:
        keyspace = Keyspace(partitions, keys)
        return cls(links, keys, keyspace, Records(keys, keyspace.home), RedisIndex(links, keyspace, keys))
