"""URLs of the store, and the connections that they describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, urlencode

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
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise SettingsInvalid("store.url must begin with redis://, rediss://, unix://, sentinel:// or cluster://")
        try:
            self._options = parse_url(url)
            self._class = self._options.pop("connection_class", redis.Connection)
            self._options |= {"protocol": 2, "retry": Retry(NoBackoff(), 0), "socket_timeout": REPLY_TIMEOUT_S}
            if self._class is not redis.UnixDomainSocketConnection:
                self._options["socket_connect_timeout"] = CONNECT_TIMEOUT_S
            self.connection()  # knows which options there are
        except (ValueError, TypeError, redis.RedisError):  # their texts may quote a part of the password
            raise SettingsInvalid(
                "store.url has a host, a port or an option that cannot be read; "
                "its user and password must be percent-encoded"
            ) from None

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
        """Raises SettingsInvalid where it names no host, or `tls` is not true or false."""
        place, _, query = url.partition("://")[2].partition("?")
        authority, _, path = place.partition("/")
        credentials, at, hosts = authority.rpartition("@")
        options = dict(parse_qsl(query))
        tls = options.pop("tls", "false")
        if tls not in {"true", "false"}:
            raise SettingsInvalid("store.url: tls must be true or false")
        if not all(hosts.split(",")):
            raise SettingsInvalid("store.url lacks a host")
        return cls(credentials + at, tuple(hosts.split(",")), path.rstrip("/"), tls == "true", options)

    def endpoints(self, port: int = 6379) -> tuple[Endpoint, ...]:
        """Return an endpoint for each host; at `port`, where it names none."""
        scheme = "rediss" if self.tls else "redis"
        query = f"?{urlencode(self.options)}" if self.options else ""
        places = (host if ":" in host.rpartition("]")[2] else f"{host}:{port}" for host in self.hosts)
        return tuple(Endpoint(f"{scheme}://{self.credentials}{place}{query}") for place in places)
