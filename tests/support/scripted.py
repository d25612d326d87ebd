"""A server that answers each request with the next of the answers that a test wrote, byte for byte."""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

HANG = b"(nothing, and the connection stays open)"
_END = b"\r\n\r\n"


def answered(status: int, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", "Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, *headers, "Connection: close", "", body]).encode()


class Scripted:
    """`requests` are the heads and bodies that came, in their order."""

    def __init__(self, answers: Sequence[bytes], tls: ssl.SSLContext | None) -> None:
        self.requests: list[str] = []
        self._answers = iter(answers)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(timeout=10)
        for each in self._open:
            each.close()

    def _serve(self) -> None:
        with suppress(OSError, StopIteration):
            while True:
                connection, _ = self._listening.accept()
                if self._tls is not None:
                    try:
                        connection = self._tls.wrap_socket(connection, server_side=True)
                    except ssl.SSLError:  # the client does not trust us
                        connection.close()
                        continue
                self._open.append(connection)
                self.requests.append(_received(connection))
                answer = next(self._answers)
                if answer == HANG:
                    continue
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_RDWR)


def _received(connection: socket.socket) -> str:
    connection.settimeout(10)
    come = b""
    while _END not in come or len(come.partition(_END)[2]) < _length(come):
        more = connection.recv(65_536)
        if not more:
            break
        come += more
    return come.decode()


def _length(come: bytes) -> int:
    fields = (line.partition(b":") for line in come.partition(_END)[0].lower().split(b"\r\n"))
    return next((int(value) for name, _, value in fields if name == b"content-length"), 0)


@contextmanager
def scripted(*answers: bytes, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    server = Scripted(answers, tls)
    try:
        yield server
    finally:
        server.close()
