"""A Redis or Valkey cluster: which node holds which slot, and a pool of links to each.

All keys of a transaction have one hash tag, and so one slot; it runs on a connection to that slot's node.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import redis
from redis.crc import key_slot

from sealring.fibers import Joined, Lane, aside
from sealring.store.connection.endpoint import Address, Endpoint
from sealring.store.connection.link import Command, LinkLost, Reply
from sealring.store.connection.pool import Pool
from sealring.store.connection.store_url import StoreUrl

SLOTS = 16_384  # Redis Cluster specification

_NO_NAME = b"?"


class Cluster:
    """The topology of a cluster. Thread-safe. Asks the cluster on first use, and again after `look_again`."""

    def __init__(self, url: StoreUrl) -> None:
        """`url`: `cluster://user:password@node:6379,node:6379?tls=true`; any node is enough. Raises SettingsInvalid."""
        self._seeds = Endpoint.each(url)
        self._pools: dict[Address, Pool] = {}
        self._owners: list[Pool] = []  # by slot; empty if not known
        self._lock = Lock()
        self._looking = Joined(lambda: aside(self._looked, Lane.STORE))
        self._looks = 0  # how often it was told to look again

    def pool(self, key: bytes) -> Pool:
        owners = self._known()
        return owners[key_slot(key)]

    def spread(self, commands: Sequence[Command]) -> Sequence[tuple[Pool, Sequence[int]]]:
        places: dict[Pool, list[int]] = {}
        for place, command in enumerate(commands):
            places.setdefault(self.pool(_key(command)), []).append(place)
        return list(places.items())

    def pools(self) -> Sequence[Pool]:
        return list(dict.fromkeys(self._known()))

    def together(self, key: bytes, other: bytes) -> bool:
        return key_slot(key) == key_slot(other)

    def slot(self, key: bytes) -> int:
        slot: int = key_slot(key)
        return slot

    def look_again(self) -> None:
        self._looks += 1  # without the lock, which is held while the cluster is asked
        self._owners = []
        for pool in list(self._pools.values()):
            pool.close()

    def _known(self) -> list[Pool]:
        return self._owners or self._looking.get()

    def _looked(self) -> list[Pool]:
        with self._lock:
            if self._owners:
                return self._owners
            looks, owners = self._looks, self._ask()
            if looks == self._looks:
                self._owners = owners
            return owners

    def _ask(self) -> list[Pool]:
        """Return the pool of each slot, as the first node that answers sees it. Raises LinkLost."""
        known = [self._seeds[0].connection(address) for address in self._pools]
        for connection in (*known, *(seed.connection() for seed in self._seeds)):
            try:
                connection.send_command("CLUSTER", "SLOTS")
                owners = self._owners_of(connection.read_response(), connection.host)
            except (redis.RedisError, OSError):
                continue  # another node may be reached
            finally:
                connection.disconnect()
            if owners is not None:
                return owners
        raise LinkLost

    def _owners_of(self, ranges: Reply, asked: str) -> list[Pool] | None:
        """Return the pool of each slot; None if a slot has no node."""
        owners: dict[int, Pool] = {}
        for first, last, (host, port, *more), *_replicas in ranges:
            pool = self._pool_at((_host(host, more) or asked, port))
            owners |= dict.fromkeys(range(first, last + 1), pool)
        return [owners[slot] for slot in range(SLOTS)] if len(owners) == SLOTS else None

    def _pool_at(self, address: Address) -> Pool:
        if address not in self._pools:
            self._pools[address] = Pool(lambda: self._seeds[0].connection(address))
        return self._pools[address]


def _host(named: bytes | None, more: Sequence[Reply]) -> str:
    """Return the host that a node announces (CLUSTER SLOTS); empty: use the host that was asked.

    A missing host is null, or empty if the node does not know its own address. A node that should announce its name
    but has none announces "?", and its address in the metadata.
    """
    if named == _NO_NAME:
        told = dict(zip(*[iter(more[1])] * 2, strict=False)) if len(more) > 1 else {}
        named = told.get(b"ip")
    return named.decode() if named else ""


def _key(command: Command) -> bytes:
    key = command[1] if len(command) > 1 else b""
    return key if isinstance(key, bytes) else b""
