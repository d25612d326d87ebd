"""Clients that do everything with a few names at once, without retries, and write down what they were told."""

import http.client
import json
import math
import random
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from faults.linearizable import Operation, Outcome

TIMEOUT_S = 8.0  # more than the server takes for any answer, and than any pause
ODDS = {"find": 20, "read": 15, "update": 35, "create": 6, "delete": 7, "restore": 14}
FRESH = 0.1  # of the steps take a name that nobody has used
CHECKED = 0.8  # of the updates say which version they replace


@dataclass(frozen=True)
class Job:
    """What one client does."""

    address: str
    token: str = field(repr=False)
    org: str
    names: tuple[str, ...]
    seed: int
    keyed: bool  # whether it sends an Idempotency-Key with each write


@dataclass
class Told:
    """What clients were told: their operations by name, and answers that no client should get."""

    histories: dict[str, list[Operation]] = field(default_factory=lambda: defaultdict(list))
    surprises: list[str] = field(default_factory=list)

    def add(self, other: "Told") -> None:
        for name, history in other.histories.items():
            self.histories[name] += history
        self.surprises += other.surprises


def work(job: Job, goes_on: Callable[[], bool]) -> Told:
    """Run a client. In a process of its own, which imports it from here."""
    with closing(Client(job)) as client:
        while goes_on():
            client.step()
        return client.told


class Client:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._chance = random.Random(job.seed)
        self._connection = http.client.HTTPConnection(job.address, timeout=TIMEOUT_S)
        self._versions: dict[str, dict[str, str]] = defaultdict(dict)  # of each name: object -> the last version seen
        self.told = Told()

    def close(self) -> None:
        self._connection.close()

    def step(self) -> None:
        """One operation on a name of all, or the first ones on a fresh name."""
        if self._chance.random() < FRESH:
            fresh = f"fresh {uuid4()}"
            self.create(fresh)
            self.find(fresh)
            return
        name = self._chance.choice(self._job.names)
        kind = self._chance.choices([*ODDS], [*ODDS.values()])[0] if self._versions[name] else self._first()
        getattr(self, kind)(name)

    def create(self, name: str) -> None:
        value = uuid4().hex
        body = {"name": name, "value": value, "key_context": {"organization_id": self._job.org}}
        self._do("create", name, "POST", "/vault/v1/kv", body, value=value)

    def find(self, name: str) -> None:
        self._do("find", name, "GET", f"/vault/v1/kv/name/{quote(name)}")

    def read(self, name: str, object_id: str = "") -> None:
        chosen = object_id or self._some(name)
        self._do("read", name, "GET", f"/vault/v1/kv/{chosen}", object=chosen)

    def update(self, name: str) -> None:
        chosen, value = self._some(name), uuid4().hex
        check = self._versions[name][chosen] if self._chance.random() < CHECKED else ""
        body = {"value": value, "version_check": check or None}
        self._do("update", name, "PUT", f"/vault/v1/kv/{chosen}", body, object=chosen, value=value, check=check)

    def delete(self, name: str) -> None:
        chosen = self._some(name)
        path = f"/vault/v1/kv/{chosen}?once={uuid4()}"  # no repetition of what we did before, key or not
        self._do("delete", name, "DELETE", path, object=chosen)

    def restore(self, name: str) -> None:
        chosen = self._some(name)
        self._do("restore", name, "POST", f"/sealring/v1/kv/{chosen}/restore", {}, object=chosen)

    def _first(self) -> str:
        return self._chance.choice(["create", "find"])

    def _some(self, name: str) -> str:
        """An object that had the name: mostly the last one that we saw."""
        objects = [*self._versions[name]]
        return objects[-1] if self._chance.random() < 0.8 else self._chance.choice(objects)

    def _do(self, kind: str, name: str, method: str, path: str, body: Any = None, **sent: str) -> None:
        request = uuid4().hex
        start = time.monotonic()
        outcome, answer = self._ask(method, path, body, request)
        end = time.monotonic()
        if outcome is Outcome.UNKNOWN:
            outcome, end = (Outcome.NOTHING, end) if method == "GET" else (outcome, math.inf)
        seen = _seen(kind, answer) if outcome is Outcome.OK else {}
        done = Operation(kind, outcome, start, end, **{**sent, **seen}, request=request)
        self.told.histories[name].append(done)
        if done.version:
            self._versions[name].pop(done.object, None)
            self._versions[name][done.object] = done.version

    def _ask(self, method: str, path: str, body: Any, request: str) -> tuple[Outcome, Any]:
        headers = {"Authorization": f"Bearer {self._job.token}", "X-Request-ID": request}
        headers["Content-Type"] = "application/json"
        if method != "GET" and self._job.keyed:
            headers["Idempotency-Key"] = request
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = self._connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):  # it takes headers that were cut off for whole
            self._connection.close()
            return Outcome.UNKNOWN, None
        return self._outcome(response.status, answer), answer

    def _outcome(self, status: int, answer: Any) -> Outcome:
        match status, answer.get("code"):
            case 200 | 201, _:
                return Outcome.OK
            case 404, "not_found":
                return Outcome.NOT_FOUND
            case 409, "name_taken" | "version_conflict":
                return Outcome.CONFLICT
            case 503, "store_unavailable" | "write_contention":
                return Outcome.NOTHING
            case 503, "outcome_unknown":
                return Outcome.UNKNOWN
        self.told.surprises.append(f"{status} {answer}")
        return Outcome.UNKNOWN


def _seen(kind: str, answer: Any) -> dict[str, str]:
    """What an answer tells of the object. That of a restore names a version whose value it does not show."""
    if kind == "create":
        return {"object": answer["id"], "version": answer["version_id"]}
    if kind == "update":
        return {"version": answer["metadata"]["version_id"]}
    if kind in {"read", "find"}:
        return {"object": answer["id"], "version": answer["metadata"]["version_id"], "value": answer["value"]}
    return {}
