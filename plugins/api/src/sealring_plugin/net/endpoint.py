"""The scheme, host and port that a request goes to, parsed strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from sealring_plugin.errors import ConfigInvalid

# A name or an IPv4 address, in lower case (RFC 1123 section 2.1).
HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")

_PORTS = {"https": 443, "http": 80}
_MAX_PORT = 65_535
_LOOPBACK = frozenset({"localhost", "127.0.0.1"})
_URL = re.compile(r"(?P<scheme>https?)://(?P<host>[^:/]+)(?::(?P<port>[1-9][0-9]{0,4}))?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`scheme` is https or http. `port` is always given, also if it is the usual one of the scheme."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Parse `https://host` or `https://host:port`; http only for `localhost` and `127.0.0.1`.

        Raises ConfigInvalid; `name` is the name of the setting in its message. Whether the host may be called is
        decided by `Egress.check`.
        """
        found = _URL.fullmatch(text)
        port = int((found and found["port"]) or 0)
        if found is None or not HOST.fullmatch(found["host"]) or port > _MAX_PORT:
            raise ConfigInvalid(f"{name} must be https://host or https://host:port, in lower case, and nothing more")
        scheme, host = found["scheme"], found["host"]
        if scheme == "http" and host not in _LOOPBACK:
            raise ConfigInvalid(f"{name} must be https://; http:// is only for localhost and 127.0.0.1")
        return cls(scheme, host, port or _PORTS[scheme])

    @classmethod
    def split(cls, url: str) -> tuple[Self, str]:
        """Split a URL that an SDK made into its endpoint and its path with the query. Any host may have http.

        Raises ConfigInvalid, and does not quote the URL.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme not in _PORTS or "@" in parts.netloc:
            raise ConfigInvalid("a URL of our own settings is not https://host/path")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port or _PORTS[parts.scheme]), path

    @property
    def authority(self) -> str:
        """What the header Host says: the port only if it is not the usual one (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}"
