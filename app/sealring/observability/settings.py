"""The settings of what operators see of a running server: `[server] metrics_bind`, `[logs]` and `[traces]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from sealring.table import Table

MAX_SLOW_MS = 90_000  # the longest exchange

_BIND = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Bind:
    """An address and a port to listen on."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Traces:
    """Where traces go (OTLP over HTTP), and which part of those that we begin."""

    endpoint: str
    sample_percent: int


@dataclass(frozen=True, slots=True)
class Observability:
    """`slow_ms` 0: slow requests are not logged."""

    metrics_bind: Bind | None = None
    access: bool = False
    slow_ms: int = 0
    traces: Traces | None = None

    @classmethod
    def parse(cls, root: Table) -> Self:
        """Read the tables of a settings file. Raises SettingsInvalid."""
        logs = root.table("logs", {})
        logs.only("access", "slow_ms")
        return cls(
            metrics_bind=_bind(root.table("server", {})),
            access=logs.flag("access"),
            slow_ms=logs.number("slow_ms", 0, least=0, most=MAX_SLOW_MS),
            traces=_traces(root.table("traces")) if "traces" in root.members else None,
        )


def _bind(table: Table) -> Bind | None:
    if "metrics_bind" not in table.members:
        return None
    found = _BIND.fullmatch(table.text("metrics_bind"))
    if found is None or not 0 < int(found[3]) < 65_536:
        table.refuse("metrics_bind", 'must be an address and a port, such as "127.0.0.1:9420" or "[::1]:9420"')
    return Bind(found[1] or found[2], int(found[3]))


def _traces(table: Table) -> Traces:
    table.only("endpoint", "sample_percent")
    endpoint = table.printable("endpoint")
    if not _is_plain_url(endpoint):
        table.refuse("endpoint", "must be a URL without a user and a query, such as http://127.0.0.1:4318/v1/traces")
    return Traces(endpoint, table.number("sample_percent", 100, least=0, most=100))


def _is_plain_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not ("@" in parts.netloc or parts.query)
