"""Clients that are official SDKs, with the retries of their own that their users get."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from faults.clients import Told
from faults.linearizable import Operation, Outcome
from sdk.driver import Refused, Vault, driver
from sdk.environments import CACHE
from sdk.versions import Sdk

UPDATES = 3  # of each object
DELETED = 0.3  # of the objects


@dataclass(frozen=True)
class SdkJob:
    sdk: Sdk
    command: Sequence[str]
    url: str
    token: str = field(repr=False)
    org: str
    log: Path


def work_with_sdk(job: SdkJob, goes_on: Callable[[], bool]) -> Told:
    """Give one object after another its whole life, each under a name that nobody else uses."""
    with driver(job.command, job.url, CACHE / job.sdk.id, job.log) as running:
        client = SdkClient(job, Vault(running, job.token))
        while goes_on():
            client.live(f"of {job.sdk.id} {uuid4()}")
        return client.told


class SdkClient:
    def __init__(self, job: SdkJob, vault: Vault) -> None:
        self._job = job
        self._vault = vault
        self._outcomes = {job.sdk.refusals.not_found: Outcome.NOT_FOUND, job.sdk.refusals.conflict: Outcome.CONFLICT}
        self._surprising = {job.sdk.refusals.invalid, job.sdk.refusals.unauthenticated}
        self.told = Told()

    def live(self, name: str) -> None:
        value = uuid4().hex
        context = {self._job.sdk.organization_key: self._job.org}
        self._do("create", name, partial(self._vault.create, name=name, value=value, context=context), value=value)
        for _ in range(UPDATES):
            found = self._do("find", name, partial(self._vault.read_by_name, name))
            if not found.object:
                return
            self._update(name, found)
            self._do("read", name, partial(self._vault.read, found.object), object=found.object)
        if random.random() < DELETED:
            self._do("delete", name, partial(self._vault.delete, found.object), object=found.object)
            self._do("find", name, partial(self._vault.read_by_name, name))

    def _update(self, name: str, found: Operation) -> None:
        sent = {"value": uuid4().hex, "version_check": found.version}
        told = {"object": found.object, "value": sent["value"], "check": found.version}
        self._do("update", name, partial(self._vault.update, found.object, **sent), **told)

    def _do(self, kind: str, name: str, call: Callable[[], Any], **sent: str) -> Operation:
        start = time.monotonic()
        seen = {}
        try:
            seen = _seen(kind, call())
            outcome = Outcome.OK
        except Refused as refused:
            outcome = self._outcomes.get(refused.kind, Outcome.UNKNOWN)
            if refused.kind in self._surprising:
                self.told.surprises.append(f"{name}: {kind}: {refused}")
        end = time.monotonic()
        if outcome is Outcome.UNKNOWN:
            outcome, end = (Outcome.NOTHING, end) if kind in {"read", "find"} else (outcome, math.inf)
        done = Operation(kind, outcome, start, end, **(sent | seen))
        self.told.histories[name].append(done)
        return done


def _seen(kind: str, answer: Any) -> dict[str, str]:
    if kind == "delete":
        return {}
    metadata = answer if kind == "create" else answer["metadata"]
    seen = {"object": answer["id"], "version": metadata["version_id"]}
    return seen | ({"value": answer["value"]} if kind in {"read", "find"} else {})
