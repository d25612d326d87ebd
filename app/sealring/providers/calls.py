"""Calls of providers: each has a deadline, its key's circuit, and its organization's share of the bulkhead."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, NoReturn, Self, TypeVar

from sealring import fibers
from sealring.errors import KeyFailure, KeyThrottled, KeyUnavailable, Responsible, SealringError
from sealring.observability import metrics
from sealring.observability.trail import Layer, waited
from sealring.providers.bulkhead import Bulkhead, Owner
from sealring.providers.call_threads import CallThreads, Overdue, Pending
from sealring.providers.circuit import Circuit
from sealring.providers.failures import overdue, translated
from sealring.providers.instances import P, Providers
from sealring.recent import Recent
from sealring_plugin import Call, CustomersKey, ManagedKey, Purpose

_RETRY_PAUSE_S = 0.1  # at most; jittered
_CIRCUITS = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one call of a provider: `outcome` is "ok" or the name of the failure."""

    provider: str
    operation: str
    outcome: str
    seconds: float

    def count(self) -> None:
        """Count it in the metrics."""
        metrics.KMS_CALLS.of(provider=self.provider, op=self.operation, outcome=self.outcome).observe(self.seconds)


class Place(NamedTuple):
    """The key of a circuit. With `scope`, an organization that names another's key cannot open that key's circuit."""

    provider: str
    key_id: str = ""
    scope: bytes = b""

    @classmethod
    def of(cls, key: ManagedKey | CustomersKey) -> Self:
        return cls(key.provider, key.key_id, key.scope)


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """One call to make, of a provider of either kind."""

    place: Place
    waits: bool
    attempt: Callable[[float], T]  # until a deadline
    judge: Callable[[SealringError | None], None]

    @classmethod
    def of(cls, providers: Providers[P], place: Place, ask: Callable[[P], T], keys_owner: Responsible) -> Self:
        name = place.provider

        def directly(_deadline: float) -> T:
            provider = providers.get(name)
            return translated(lambda: ask(provider), keys_owner)

        def in_time(deadline: float) -> T:
            with providers.using(name, deadline) as provider:
                return translated(lambda: ask(provider), keys_owner)

        waits = providers.waits(name)
        return cls(place, waits, in_time if waits else directly, partial(providers.judge, name))


class Calls:
    """Makes calls, in the caller's thread if the provider waits for nothing outside the process. Thread-safe."""

    def __init__(self, bulkhead: Bulkhead, observe: Callable[[Observation], None]) -> None:
        self._bulkhead = bulkhead
        self._observe = observe
        self._threads = CallThreads()
        self._circuits: Recent[Place, Circuit] = Recent(size=_CIRCUITS, ttl_s=float("inf"))

    def together(self, operation: str, works: Sequence[Work[T]], call: Call) -> list[T]:
        """Do all `works`, concurrently if their providers wait. Raises the first failure in the order of `works`.

        Raises KeyThrottled, before any call, if the organization already has its share of the worker.
        """
        if len(works) == 1 and not works[0].waits:  # the usual case; saves three microseconds
            return [works[0].attempt(call.deadline)]
        waiting = sum(work.waits for work in works)
        if not waiting:
            return _collected([partial(work.attempt, call.deadline) for work in works])
        fibers.will_wait()
        owner = (call.environment_id, call.tenant_id)
        with self._bulkhead.place(owner):
            self._bulkhead.enter(owner, waiting)
            return waited(
                Layer.KMS, lambda: _collected([self._started(operation, work, owner, call) for work in works])
            )

    def open_circuits(self) -> Mapping[str, int]:
        """Return how many circuits are open, by provider."""
        return Counter(place.provider for place, circuit in self._circuits.items() if circuit.is_open)

    def _started(self, operation: str, work: Work[T], owner: Owner, call: Call) -> Callable[[], T]:
        """Start a call; return a function that waits for its result."""
        if not work.waits:
            return partial(work.attempt, call.deadline)
        # A check uses a circuit of its own: its result never affects requests.
        circuit = Circuit() if call.purpose is Purpose.CHECK else self._circuit(work.place)
        try:
            pending = self._sent(work, owner, circuit, call)
        except KeyFailure as refused:
            return partial(_refuse, refused)
        return partial(self._collect, operation, work, circuit, pending, call.deadline)

    def _sent(self, work: Work[T], owner: Owner, circuit: Circuit, call: Call) -> Pending[T]:
        def run() -> T:
            try:
                return _at_most_twice(work.attempt, call.deadline)
            finally:  # even if nobody waits any more
                circuit.leave()
                self._bulkhead.leave(owner)

        try:
            circuit.enter()
        except KeyFailure:
            self._bulkhead.leave(owner)
            raise
        try:
            return self._threads.start(run)
        except RuntimeError:  # the system has no thread left
            circuit.leave()
            self._bulkhead.leave(owner)
            raise KeyThrottled("Too many calls to keys at once. Try again later.", "operator") from None

    def _collect(self, operation: str, work: Work[T], circuit: Circuit, pending: Pending[T], deadline: float) -> T:
        began = time.monotonic()
        failure: SealringError | None = None
        try:
            return pending.result(deadline)
        except Overdue:
            failure = overdue()
            raise failure from None
        except SealringError as error:
            failure = error
            raise
        finally:
            circuit.record(failure if isinstance(failure, KeyFailure) else None)
            work.judge(failure)
            outcome = "ok" if failure is None else type(failure).__name__
            self._observe(Observation(work.place.provider, operation, outcome, time.monotonic() - began))
            del failure  # its traceback has this frame, and would keep itself alive

    def _circuit(self, place: Place) -> Circuit:
        circuit = self._circuits.get(place)
        if circuit is None:
            circuit = Circuit()
            self._circuits.put(place, circuit)
        return circuit


def _refuse(failure: KeyFailure) -> NoReturn:
    try:
        raise failure
    finally:
        del failure


def _collected(started: Sequence[Callable[[], T]]) -> list[T]:
    """Collect every result, so that each call is counted; then raise the first failure, if there is one."""
    results: list[T] = []
    failures: list[SealringError] = []
    for collect in started:
        try:
            results.append(collect())
        except SealringError as failure:
            failures.append(failure)
    if failures:
        for result in results:
            if isinstance(result, bytearray):  # a share of a key that nobody will use
                result[:] = bytes(len(result))
        try:
            raise failures[0]
        finally:
            del failures, started, collect
    return results


def _at_most_twice(attempt: Callable[[float], T], deadline: float) -> T:
    """Retry once after a temporary failure, after the provider's pause, and only if the deadline allows it."""
    try:
        return attempt(deadline)
    except (KeyThrottled, KeyUnavailable) as failure:
        asked_s = failure.retry_after_s or 0 if isinstance(failure, KeyThrottled) else 0
        pause_s = asked_s + random.uniform(0, _RETRY_PAUSE_S)  # noqa: S311  jitter, not a secret
        if time.monotonic() + pause_s >= deadline:
            raise
        time.sleep(pause_s)
        return attempt(deadline)
