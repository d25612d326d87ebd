"""A request and its answer, as a provider sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sealring_plugin.net.endpoint import Endpoint

_METHOD = re.compile(r"GET|POST|PUT|PATCH|DELETE")
_PATH = re.compile(r"/[!-~]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2, "token"
_VALUE = re.compile(r"[ -~]*")
_AUTHORITY = re.compile(r"[!-~]+")
_OURS = frozenset({"content-length", "transfer-encoding", "connection"})  # they say where the request ends


@dataclass(frozen=True, slots=True)
class Request:
    """`path` begins with a slash and includes the query. `headers` may replace `host`, but not say the length."""

    method: str
    endpoint: Endpoint
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)

    def encoded(self) -> bytes:
        """Return the HTTP/1.1 message (RFC 9112 section 3).

        Raises ValueError for a method that is not GET, POST, PUT, PATCH or DELETE, and for characters that would end
        the path, the host or a header early. The message of the error quotes none of them.
        """
        if not _METHOD.fullmatch(self.method) or not _PATH.fullmatch(self.path):
            raise ValueError("the method or the path of a request is malformed")
        if not _AUTHORITY.fullmatch(self.endpoint.authority):
            raise ValueError("the host of a request is malformed")
        fields = "".join(f"{name}: {value}\r\n" for name, value in self._fields().items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{fields}\r\n".encode("ascii") + (self.body or b"")

    def _fields(self) -> Mapping[str, str]:
        if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in self.headers.items()):
            raise ValueError("a header of a request is malformed")
        given = {name.lower(): value for name, value in self.headers.items() if name.lower() not in _OURS}
        length = {} if self.body is None and self.method == "GET" else {"content-length": str(len(self.body or b""))}
        return {"host": self.endpoint.authority, "accept-encoding": "identity", **given, **length}


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` have their names in lower case. `body` is at most 64 KiB, unless the client was told otherwise."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def document(self) -> Mapping[str, Any]:
        """Return the JSON object in the body; an empty one if the body is anything else."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}
