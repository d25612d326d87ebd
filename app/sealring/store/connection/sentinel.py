"""The primary that Sentinels name, which may change after a failover."""

from __future__ import annotations

from dataclasses import replace

import redis
from redis.connection import AbstractConnection

from sealring.store.connection.endpoint import Address, Endpoint
from sealring.store.connection.link import Reply
from sealring.store.connection.store_url import StoreUrl
from sealring.store.connection.topology import OneNode

PORT = 26_379  # of Sentinels


def primary_of(url: StoreUrl) -> OneNode:
    """`url`: `sentinel://user:password@sentinel:26379,sentinel:26379/name-of-the-primary?tls=true`.

    User and password are the primary's; the Sentinels' own are the options `sentinel_username` and
    `sentinel_password`. Raises SettingsInvalid.
    """
    options = dict(url.options)
    theirs = {name: str(options.pop(f"sentinel_{name}", "")) for name in ("username", "password")}
    node = Endpoint.each(replace(url, options=options))[0]
    options.pop("db", None)
    own = {name: said for name, said in theirs.items() if said}
    sentinels = Endpoint.each(replace(url, options=options, credentials=own), PORT)
    return OneNode(_Primary(url.path, sentinels, node).connection)


class _Primary:
    def __init__(self, name: str, sentinels: tuple[Endpoint, ...], node: Endpoint) -> None:
        self._name = name
        self._sentinels = sentinels
        self._node = node

    def connection(self) -> AbstractConnection:
        """Return an open connection to the primary that the first available Sentinel names.

        Raises redis.ConnectionError if no Sentinel names one, or if the node says that it is not a primary: it was just
        demoted, or is not promoted yet.
        """
        connection = self._node.connection(self._address())
        if _asked(connection, "ROLE")[0] != b"master":
            connection.disconnect()
            raise redis.ConnectionError("not the primary")
        return connection

    def _address(self) -> Address:
        for sentinel in self._sentinels:
            try:
                found = self._ask(sentinel)
            except (redis.RedisError, OSError):
                continue  # the next one may be reached
            if found is not None:
                self._sentinels = (sentinel, *(each for each in self._sentinels if each is not sentinel))
                return found[0].decode(), int(found[1])
        raise redis.ConnectionError("no Sentinel names a primary")

    def _ask(self, sentinel: Endpoint) -> Reply:
        connection = sentinel.connection()
        try:
            return _asked(connection, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._name)
        finally:
            connection.disconnect()


def _asked(connection: AbstractConnection, *words: str) -> Reply:
    connection.send_command(*words)
    return connection.read_response()
