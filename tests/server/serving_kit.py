"""Requests to a server over its Unix socket."""

import http.client
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

DEADLINE_S = 30.0


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=DEADLINE_S)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def get(path: Path, target: str = "/", headers: Mapping[str, str] = MappingProxyType({})) -> http.client.HTTPResponse:
    """GET over the Unix socket, as soon as somebody listens there."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            with closing(UnixConnection(path)) as connection:
                connection.request("GET", target, headers=headers)
                response = connection.getresponse()
                response.body = response.read()
                return response
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
