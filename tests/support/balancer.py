"""A TCP balancer: each new connection goes to the next server of a list that changes while it runs."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(eq=False)
class Balancer:
    """What kube-proxy does: a server that is taken out gets no new connection, and keeps those that it has."""

    listener: socket.socket
    urls: list[str] = field(default_factory=list)
    _turn: int = 0
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self._turn += 1
            at = urlsplit(self.urls[self._turn % len(self.urls)])
            server = socket.create_connection((str(at.hostname), int(at.port or 0)))
            thread = threading.Thread(target=_serve, args=(client, server))
            self._threads.append(thread)
            thread.start()

    def wait(self) -> None:
        """Wait until all connections have ended."""
        for thread in self._threads:
            thread.join()


def _serve(client: socket.socket, server: socket.socket) -> None:
    with client, server:
        back = threading.Thread(target=_pass_on, args=(server, client))
        back.start()
        _pass_on(client, server)
        back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def balancing(*urls: str) -> Iterator[Balancer]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        balancer = Balancer(listener, list(urls))
        thread = threading.Thread(target=balancer.run)
        thread.start()
        yield balancer
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        balancer.wait()
