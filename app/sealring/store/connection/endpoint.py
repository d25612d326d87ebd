"""One node of a store's URL, and the connections to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

from sealring.store.connection.store_url import StoreUrl
from sealring.store.connection.tls_files import check_tls

CONNECT_TIMEOUT_S = 0.5
REPLY_TIMEOUT_S = 0.9
PORT = 6379

Address = tuple[str, int]


class Endpoint:
    """One node, and the connections to it or, with the same options, to another address."""

    def __init__(self, kind: Callable[..., AbstractConnection], options: Mapping[str, Any]) -> None:
        self._kind = kind
        self._options = {
            **options,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "socket_timeout": REPLY_TIMEOUT_S,
        }

    @classmethod
    def each(cls, url: StoreUrl, usual_port: int = PORT) -> tuple[Self, ...]:
        """Return the nodes of a URL, at `usual_port` if it has no port. Raises SettingsInvalid for wrong TLS files."""
        shared: dict[str, Any] = {**url.options, **url.credentials}
        if url.scheme == "unix":
            return (cls(redis.UnixDomainSocketConnection, {**shared, "path": url.path}),)
        if url.tls:
            check_tls(url.options)
        kind = redis.SSLConnection if url.tls else redis.Connection
        shared["socket_connect_timeout"] = CONNECT_TIMEOUT_S
        return tuple(cls(kind, {**shared, "host": host, "port": port or usual_port}) for host, port in url.hosts)

    @property
    def address(self) -> Address:
        return self._options["host"], self._options["port"]

    def connection(self, address: Address | None = None) -> AbstractConnection:
        """Return a connection that is not open yet."""
        where = {} if address is None else {"host": address[0], "port": address[1]}
        return self._kind(**(self._options | where))
