"""One request over HTTP, and its answer; apart from what starts servers, so that a process that only asks starts fast."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit


class Fields(dict[str, str]):
    """The fields of a head, by name in any case."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in fields.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def pop(self, name: str, *default: Any) -> Any:
        return super().pop(name.lower(), *default)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        self.headers = Fields(self.headers)

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def ask(
    url: str,
    method: str,
    path: str,
    *,
    token: str | None = None,
    body: object = None,
    raw_body: bytes | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
    ca: Path | None = None,
) -> Answer:
    """One request. `body` is sent as JSON; `raw_body` as it is. `ca` is the authority of an https URL."""
    sent = {"Content-Type": "application/json", **headers}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    payload = raw_body if raw_body is not None else None if body is None else json.dumps(body).encode()
    connection = connection_to(url, ca)
    try:
        connection.request(method, path, body=payload, headers=sent)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def connection_to(url: str, ca: Path | None = None, timeout: float = 30) -> http.client.HTTPConnection:
    """A connection that is not open yet."""
    address = urlsplit(url)
    assert address.hostname is not None
    if address.scheme == "http":
        return http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)
    context = ssl.create_default_context(cafile=ca)
    return http.client.HTTPSConnection(address.hostname, address.port, timeout=timeout, context=context)
