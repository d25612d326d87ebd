"""The gateway: the only caller of plugins. It owns what is the same for all of them.

Sizes, the deadline, a second attempt where it may help, the circuit of each key, and the replacement of a provider that
hangs or breaks. Calls of a provider that waits for nothing outside the process are made directly.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, NoReturn, TypeVar

from sealring.errors import KeyFailure, KeyThrottled, KeyUnavailable, PluginFault, SealringError
from sealring.keys import results
from sealring.keys.call_threads import CallThreads, Overdue, Pending, ThreadsExhausted
from sealring.keys.circuit import Circuit
from sealring.keys.failures import overdue, translated
from sealring.keys.providers import FAULTS_TO_REPLACE, STUCK_TO_REPLACE, ManagedSource, P, Providers, Source
from sealring.keys.recent import Recent
from sealring_plugin import (
    Announces,
    Call,
    ChecksItself,
    CustomersKey,
    CustomersKeys,
    Describes,
    ExplainsSetup,
    Finding,
    KeyDescription,
    ManagedKey,
    ManagedKeys,
    Purpose,
    RootName,
    SetupGuide,
    Unsupported,
    Validates,
    WrapBinding,
    WrappedKey,
)

DEADLINE_S = 3.0
MAX_THREADS = 64  # of one process, in calls of providers
_RETRY_PAUSE_S = 0.1  # at most; jittered
_CIRCUITS = 10_000

_NOT_MANAGED = (
    "The record of a managed key names the provider '{}', which [keys] managed and managed_readable do not. Tell the "
    "operator: it is a provider to list there, or a record that somebody else wrote."
)
_NOT_LOADED = "No plugin is loaded for the key provider '{}'. Tell the operator."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Observation:
    """How one call of a provider went: `outcome` is "ok" or the name of the failure."""

    provider: str
    operation: str
    outcome: str
    seconds: float


class _Place(NamedTuple):
    """What has a circuit of its own. One organization cannot open another's by naming a key that is not for it."""

    provider: str
    key_id: str = ""
    scope: bytes = b""


@dataclass(frozen=True, slots=True)
class Wrapping:
    """A DEK, or a share of one, to be wrapped."""

    key: ManagedKey | CustomersKey
    dek: bytearray
    binding: WrapBinding


@dataclass(frozen=True, slots=True)
class Unwrapping:
    """A wrapped DEK to be unwrapped."""

    key: ManagedKey | CustomersKey
    wrapped: WrappedKey
    binding: WrapBinding


def call_for(*, tenant: str, request_id: str, purpose: Purpose) -> Call:
    return Call(time.monotonic() + DEADLINE_S, request_id, tenant, purpose)


class Gateway:
    """Calls providers and translates every failure. Thread-safe.

    A managed key reaches managed providers alone, and a customer's key those of customers: the store names providers
    too, and must not choose who is asked.
    """

    def __init__(
        self,
        managed: Mapping[str, ManagedSource],
        customers: Mapping[str, Source[CustomersKeys]],
        observe: Callable[[Observation], None] = lambda _: None,
    ) -> None:
        self._accepts = {name: source.check_key for name, source in managed.items()}
        self._managed = Providers(managed, _NOT_MANAGED)
        self._customers = Providers(customers, _NOT_LOADED)
        self._observe = observe
        self._threads = CallThreads(MAX_THREADS)
        self._circuits: Recent[_Place, Circuit] = Recent(size=_CIRCUITS, ttl_s=float("inf"))

    def wrap(self, each: Sequence[Wrapping], call: Call) -> list[WrappedKey]:
        """Wrap each, at the same time where providers wait. Raises KeyFailure, the first in the order of `each`."""

        def start(one: Wrapping) -> Callable[[], WrappedKey]:
            return self._of_kind(
                "wrap",
                one.key,
                call,
                lambda found, key: results.wrapped(found.wrap(key, one.dek, one.binding, call)),
                lambda found, key: results.wrapped(found.wrap(key, one.dek, one.binding, call)),
            )

        return _all([start(one) for one in each])

    def unwrap(self, each: Sequence[Unwrapping], call: Call) -> list[bytearray]:
        """Unwrap each, at the same time where providers wait.

        Raises KeyFailure; IntegrityFailure where a wrapped key was not made under its key and binding.
        """

        def start(one: Unwrapping) -> Callable[[], bytearray]:
            return self._of_kind(
                "unwrap",
                one.key,
                call,
                lambda found, key: results.unwrapped(found.unwrap(one.wrapped, key, one.binding, call)),
                lambda found, key: results.unwrapped(found.unwrap(one.wrapped, key, one.binding, call)),
            )

        return _all([start(one) for one in each])

    def create_key(self, provider: str, key_id: str, scope: bytes, domain: str, call: Call) -> ManagedKey:
        """Return a new key, version 1, under the newest root of `domain`. Raises KeyFailure."""
        wanted = ManagedKey(provider, key_id, 1, scope, RootName(domain, 0))

        def create(found: ManagedKeys) -> ManagedKey:
            return results.created(found.create_key(key_id, 1, scope, domain, call), wanted)

        return self._start("create_key", self._managed, _place(wanted), call, create)()

    def check(self, provider: str) -> None:
        """Let a provider of managed keys prove that it works, where it can. Raises KeyFailure."""
        call = call_for(tenant="", request_id="check", purpose=Purpose.CHECK)

        def check(found: ManagedKeys) -> None:
            if isinstance(found, ChecksItself):
                found.check(call)

        self._start("check", self._managed, _Place(provider), call, check)()

    def announcement(self, provider: str) -> str | None:
        """Return the line that a provider of managed keys says of itself, where it does. Raises KeyFailure."""
        found = self._managed.get(provider)
        return translated(lambda: results.line(found.announcement())) if isinstance(found, Announces) else None

    def manages(self, provider: str) -> bool:
        """Whether a provider may keep managed keys."""
        return provider in self._accepts

    def describe(self, key: CustomersKey, call: Call) -> KeyDescription | None:
        """Return what the provider knows of a key; None where it cannot say. Raises KeyFailure."""

        def describe(found: CustomersKeys) -> KeyDescription | None:
            return results.description(found.describe(key, call)) if isinstance(found, Describes) else None

        return self._start("describe", self._customers, _place(key), call, describe)()

    def validate(self, key: CustomersKey, call: Call) -> Sequence[Finding]:
        """Return what the provider finds wrong with a key; nothing where it cannot look. Raises KeyFailure."""

        def validate(found: CustomersKeys) -> Sequence[Finding]:
            return results.findings(found.validate(key, call)) if isinstance(found, Validates) else ()

        return self._start("validate", self._customers, _place(key), call, validate)()

    def setup_guide(self, provider: str, principal: str, org: str, external_id: str) -> SetupGuide:
        """Return what the admin of a key has to do. Raises KeyFailure; KeyMisconfigured where it has no word."""
        call = call_for(tenant=org, request_id="setup", purpose=Purpose.CHECK)

        def explain(found: CustomersKeys) -> SetupGuide:
            if not isinstance(found, ExplainsSetup):
                raise Unsupported
            said = found.explain_setup(principal=principal, organization_id=org, external_id=external_id)
            return results.guide(said)

        return self._start("setup", self._customers, _Place(provider), call, explain)()

    def close(self) -> None:
        self._managed.close()
        self._customers.close()

    def _of_kind(
        self,
        operation: str,
        key: ManagedKey | CustomersKey,
        call: Call,
        managed: Callable[[ManagedKeys, ManagedKey], T],
        customers: Callable[[CustomersKeys, CustomersKey], T],
    ) -> Callable[[], T]:
        """Start a call of the provider that is of the key's own kind."""
        if isinstance(key, CustomersKey):
            return self._start(operation, self._customers, _place(key), call, lambda found: customers(found, key))
        return self._start(
            operation, self._managed, _place(key), call, lambda found: managed(found, self._accepted(key))
        )

    def _accepted(self, key: ManagedKey) -> ManagedKey:
        """Raises ProviderError for a managed key that the provider's settings do not name."""
        self._accepts[key.provider](key)
        return key

    def _start(
        self, operation: str, providers: Providers[P], place: _Place, call: Call, work: Callable[[P], T]
    ) -> Callable[[], T]:
        """Start a call, and return what waits for its result."""
        name = place.provider

        def attempt() -> T:
            provider = providers.get(name)
            return translated(lambda: work(provider))

        if not providers.waits(name):
            return attempt
        circuit = (
            Circuit() if call.purpose is Purpose.CHECK else self._circuit(place)
        )  # a check learns, and teaches nothing
        try:
            pending = self._send(circuit, lambda: _at_most_twice(attempt, call))
        except KeyFailure as refused:
            return partial(_refuse, refused)
        began = time.monotonic()

        def collect() -> T:
            failure: SealringError | None = None
            stuck = False
            try:
                return pending.result(call.deadline)
            except Overdue:
                failure, stuck = overdue(), True
                raise failure from None
            except SealringError as error:
                failure = error
                raise
            finally:
                circuit.record(failure if isinstance(failure, KeyFailure) else None)
                _judge(providers, name, failure, stuck=stuck)
                outcome = "ok" if failure is None else type(failure).__name__
                self._observe(Observation(name, operation, outcome, time.monotonic() - began))

        return collect

    def _send(self, circuit: Circuit, call: Callable[[], T]) -> Pending[T]:
        circuit.enter()

        def work() -> T:
            try:
                return call()
            finally:
                circuit.leave()  # however late

        try:
            return self._threads.start(work)
        except ThreadsExhausted:
            circuit.leave()
            raise KeyThrottled("Too many requests wait for key providers. Try again later.") from None

    def _circuit(self, place: _Place) -> Circuit:
        circuit = self._circuits.get(place)
        if circuit is None:
            circuit = Circuit()
            self._circuits.put(place, circuit)
        return circuit


def _place(key: ManagedKey | CustomersKey) -> _Place:
    return _Place(key.provider, key.key_id, key.scope)


def _judge(providers: Providers[P], name: str, failure: SealringError | None, *, stuck: bool) -> None:
    if stuck:
        providers.went_badly(name, limit=STUCK_TO_REPLACE)
    elif isinstance(failure, PluginFault):
        providers.went_badly(name, limit=FAULTS_TO_REPLACE)
    else:
        providers.went_well(name)


def _refuse(failure: KeyFailure) -> NoReturn:
    raise failure


def _all(started: Sequence[Callable[[], T]]) -> list[T]:
    """Collect every result, so that each call is accounted for; then raise the first failure, if there is one."""
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
        raise failures[0]
    return results


def _at_most_twice(attempt: Callable[[], T], call: Call) -> T:
    """Try a second time where that may help, and only while an answer is still of use."""
    try:
        return attempt()
    except (KeyThrottled, KeyUnavailable):
        pause_s = random.uniform(0, _RETRY_PAUSE_S)  # noqa: S311  jitter, not a secret
        if time.monotonic() + pause_s >= call.deadline:
            raise
        time.sleep(pause_s)
        return attempt()
