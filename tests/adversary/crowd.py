"""Many callers at once, over HTTP."""

import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

from support.live import Answer, LiveServer

KV = "/vault/v1/kv"
KEYS = "/vault/v1/keys"
BINDINGS = "/sealring/v1/bindings"

_PATIENCE_S = 60


def at_once(asks: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Ask all of them at the same moment, each in a thread of its own."""
    barrier, answers = threading.Barrier(len(asks)), [None] * len(asks)

    def one(number: int) -> None:
        barrier.wait(_PATIENCE_S)
        answers[number] = asks[number]()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(asks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE_S)
    return answers


@contextmanager
def meanwhile(work: Callable[[], object], threads: int):
    """Do it over and over, in so many threads, until the block ends."""
    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            work()

    running = [threading.Thread(target=again) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in running:
            thread.join(_PATIENCE_S)


class Tenant:
    """A new organization of live servers, asking now one and now the other."""

    def __init__(self, servers: Sequence[LiveServer], *others: str) -> None:
        self.id = f"org_{uuid.uuid4().hex[:16]}"
        self.context = {"organization_id": self.id}
        self._servers = servers
        self._token = servers[0].token(self.id, *others)
        self._turn = 0

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        self._turn += 1
        return self._servers[self._turn % len(self._servers)].ask(method, path, token=self._token, body=body)

    def create(self) -> Answer:
        return self.ask("POST", KV, {"name": uuid.uuid4().hex, "value": "secret", "key_context": self.context})

    def object(self) -> str:
        """A new object's id."""
        made = self.create()
        assert made.status == 201, made.raw
        return made.json["id"]

    def read(self, object_id: str) -> Answer:
        return self.ask("GET", f"{KV}/{object_id}")

    def data_key(self) -> Answer:
        return self.ask("POST", f"{KEYS}/data-key", {"context": self.context})

    def bind(self, **more: Any) -> str:
        """A new binding's id: it guards unless told otherwise."""
        body = {"organization_id": self.id, "provider": "example", "key": "key_one", "activate": True, **more}
        made = self.ask("POST", BINDINGS, body)
        assert made.status == 201, made.raw
        return made.json["id"]

    def turn(self, binding: str, how: str) -> Answer:
        turned = self.ask("POST", f"{BINDINGS}/{binding}/{how}")
        assert turned.status == 200, turned.raw
        return turned

    def delete_binding(self, binding: str) -> None:
        assert self.ask("DELETE", f"{BINDINGS}/{binding}").status == 200


def in_one_partition(servers: Sequence[LiveServer], count: int) -> list[Tenant]:
    """New organizations that share a partition: the first three digits of an object's id tell."""
    by_partition: dict[str, list[Tenant]] = {}
    for _ in range(200):
        tenant = Tenant(servers)
        found = by_partition.setdefault(tenant.object()[7:10], [])
        found.append(tenant)
        if len(found) == count:
            return found
    raise AssertionError(f"no {count} organizations share a partition")
