"""One opened store, with the parts that its adapters and commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.layout import Layout
from sealring.store.connection.links import Links
from sealring.store.index import RedisIndex
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records


@dataclass(frozen=True, slots=True)
class OpenedStore:
    """Thread-safe, as its parts are."""

    links: Links
    keys: StoreKeys
    keyspace: Keyspace
    markers: Markers
    records: Records
    index: RedisIndex

    @classmethod
    def of(cls, links: Links, keys: StoreKeys, layout: Layout) -> Self:
        keyspace = Keyspace(layout.partitions, keys)
        markers = Markers(links, keyspace, keys, layout.store_id)
        records = Records(keys, keyspace.home)
        return cls(links, keys, keyspace, markers, records, RedisIndex(keyspace, markers, records))
