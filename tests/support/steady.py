"""Clients that go on asking, each over a connection that it keeps, and note every request that failed.

A request is repeated once, on a fresh connection, where a kept one turns out to be closed: so does every HTTP client.
"""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from support.asking import connection_to
from support.live import LiveServer

_CLOSED = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)


class Steady:
    """Reads and updates of one object for each client. Thread-safe."""

    def __init__(self, live: LiveServer, clients: int) -> None:
        self._live = live
        self._headers = {"Authorization": f"Bearer {live.token('org_steady')}", "Content-Type": "application/json"}
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.answered = 0
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        client = _Client(self._live, self._headers)
        name = f"steady {number}"
        made = client.ask("POST", "/vault/v1/kv", {"name": name, "value": "0", "key_context": _CONTEXT})
        path = f"/vault/v1/kv/{json.loads(made[1])['id']}"
        while not self._ending.is_set():
            self._note(client, "GET", path, None, 200)
            self._note(client, "PUT", path, {"value": "1"}, 201)
        client.forget()

    def _note(self, client: "_Client", method: str, path: str, body: object, expected: int) -> None:
        try:
            status, answer = client.ask(method, path, body)
            wrong = "" if status == expected else f"{method} {status} {answer!r}"
        except (OSError, http.client.HTTPException) as error:
            wrong = f"{method} {error!r}"
            client.forget()
        with self._lock:
            self.answered += 1
            if wrong:
                self.failed.append(wrong)


_CONTEXT = {"organization_id": "org_steady"}


class _Client:
    def __init__(self, live: LiveServer, headers: dict[str, str]) -> None:
        self._live, self._headers = live, headers
        self._kept: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        if self._kept is not None:
            try:
                return self._once(self._kept, method, path, body)
            except _CLOSED:
                self.forget()
        return self._once(connection_to(self._live.url, self._live.ca, timeout=60), method, path, body)

    def _once(self, connection: http.client.HTTPConnection, method: str, path: str, body: object) -> tuple[int, bytes]:
        self._kept = connection
        connection.request(method, path, None if body is None else json.dumps(body), self._headers)
        response = connection.getresponse()
        answer = response.read()
        if response.will_close:
            self.forget()
        return response.status, answer

    def forget(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None


@contextmanager
def steady(live: LiveServer, clients: int = 4) -> Iterator[Steady]:
    """Clients that ask until the block ends."""
    load = Steady(live, clients)
    load.start()
    try:
        yield load
    finally:
        load.end()
