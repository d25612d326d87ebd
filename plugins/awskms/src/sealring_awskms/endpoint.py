"""Where requests go: the endpoints of AWS in a region, and those that the operator allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from sealring_awskms.partitions import partitions, region_of
from sealring_plugin import ConfigInvalid, Egress

_URL = re.compile(r"(https?)://([a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?")
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`port` is always said; `url` leaves the usual one out, as the Host header does."""

    scheme: str
    host: str
    port: int

    @classmethod
    def regional(cls, service: str, region: str, partition: str) -> Self:
        return cls("https", f"{service}.{region}.{partitions()[partition].domain}", 443)

    @classmethod
    def parse(cls, url: str, allowed: Egress, what: str) -> Self:
        """Return an endpoint that somebody named. Raises ConfigInvalid unless `allowed` knows its host by name."""
        found = _URL.fullmatch(url)
        if found is None:
            raise ConfigInvalid(f"{what} must be https://host or https://host:port, in lower case, and nothing more")
        scheme, host, port = found.groups()
        if scheme == "http" and not _LOOPBACK.fullmatch(host):
            raise ConfigInvalid(f"{what} must be https://; http:// is for loopback hosts alone")
        made = cls(scheme, host, int(port or _PORTS[scheme]))
        allowed.check(made.host, made.port)
        return made

    @property
    def url(self) -> str:
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def region(self) -> str:
        """The region that the host's name says, or empty: an emulator or a private name says none."""
        return region_of(self.host)
