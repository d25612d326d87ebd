"""URLs of the store, and the connections that they describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, parse_url
from redis.retry import Retry

from sealring.errors import SettingsInvalid

CONNECT_TIMEOUT_S = 0.5
REPLY_TIMEOUT_S = 0.9

Address = tuple[str, int]


class Endpoint:
    """One URL of redis-py, and the connections to it or, with the same options, to another address."""

    def __init__(self, url: str) -> None:
        """Raises SettingsInvalid where the URL cannot be read."""
        try:
            self._options = parse_url(url)
        except ValueError as error:
            raise SettingsInvalid(
                "store.url must begin with redis://, rediss://, unix://, sentinel:// or cluster://"
            ) from error
        self._class = self._options.pop("connection_class", redis.Connection)
        self._options |= {"protocol": 2, "retry": Retry(NoBackoff(), 0), "socket_timeout": REPLY_TIMEOUT_S}
        if self._class is not redis.UnixDomainSocketConnection:
            self._options["socket_connect_timeout"] = CONNECT_TIMEOUT_S

    @property
    def address(self) -> Address:
        return self._options.get("host", "localhost"), self._options.get("port", 6379)

    def connection(self, address: Address | None = None) -> AbstractConnection:
        """Return a connection that is not open yet."""
        where = {} if address is None else {"host": address[0], "port": address[1]}
        made: AbstractConnection = self._class(**(self._options | where))
        return made


@dataclass(frozen=True, slots=True)
class ManyHosts:
    """`scheme://user:password@host:port,host:port/path?tls=true&option=value`. Options are redis-py's."""

    credentials: str = field(repr=False)  # "user:password@", or nothing
    hosts: tuple[str, ...]
    path: str
    tls: bool
    options: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises SettingsInvalid where it names no host."""
        parts = urlsplit(url)
        credentials, at, hosts = parts.netloc.rpartition("@")
        options = dict(parse_qsl(parts.query))
        tls = options.pop("tls", "false") == "true"
        found = tuple(host for host in hosts.split(",") if host)
        if not found:
            raise SettingsInvalid("store.url names no host")
        return cls(credentials + at, found, parts.path.strip("/"), tls, options)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return an endpoint for each host."""
        scheme = "rediss" if self.tls else "redis"
        query = f"?{urlencode(self.options)}" if self.options else ""
        return tuple(Endpoint(f"{scheme}://{self.credentials}{host}{query}") for host in self.hosts)
