"""The gateway: the only caller of plugins. It owns what is the same for all of them.

Sizes, the deadline, a second attempt where it may help, the circuit of each key, and the replacement of a provider that
hangs or breaks. Calls of a provider that waits for nothing outside the process are made directly.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn, TypeVar

from sealring.domain.envelope import DEK_BYTES
from sealring.errors import KeyFailure, KeyThrottled, KeyUnavailable, PluginFault, SealringError
from sealring.keys.call_threads import CallThreads, Overdue, Pending, ThreadsExhausted
from sealring.keys.circuit import Circuit
from sealring.keys.failures import fault, overdue, translated
from sealring.keys.providers import FAULTS_TO_REPLACE, STUCK_TO_REPLACE, Providers, Source
from sealring.keys.recent import Recent
from sealring_plugin import (
    MAX_WRAPPED_BYTES,
    Call,
    ChecksItself,
    CreatesKeys,
    Describes,
    ExplainsSetup,
    Finding,
    KeyDescription,
    KeyRef,
    Provider,
    Purpose,
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

_ALG = re.compile(r"[a-z0-9-]{1,32}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Observation:
    """How one call of a provider went: `outcome` is "ok" or the name of the failure."""

    provider: str
    operation: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Wrapping:
    """A DEK, or a share of one, to be wrapped."""

    key: KeyRef
    dek: bytearray
    binding: WrapBinding


@dataclass(frozen=True, slots=True)
class Unwrapping:
    """A wrapped DEK to be unwrapped."""

    key: KeyRef
    wrapped: WrappedKey
    binding: WrapBinding


def call_for(*, tenant: str, request_id: str, purpose: Purpose) -> Call:
    return Call(time.monotonic() + DEADLINE_S, request_id, tenant, purpose)


class Gateway:
    """Calls providers and translates every failure. Thread-safe."""

    def __init__(self, sources: Mapping[str, Source], observe: Callable[[Observation], None] = lambda _: None) -> None:
        self._providers = Providers(sources)
        self._observe = observe
        self._threads = CallThreads(MAX_THREADS)
        self._circuits: Recent[tuple[str, str, bytes], Circuit] = Recent(size=_CIRCUITS, ttl_s=float("inf"))

    def wrap(self, each: Sequence[Wrapping], call: Call) -> list[WrappedKey]:
        """Wrap each, at the same time where providers wait. Raises KeyFailure, the first in the order of `each`."""
        return _all([self._start("wrap", one.key, call, partial(_wrap, one, call)) for one in each])

    def unwrap(self, each: Sequence[Unwrapping], call: Call) -> list[bytearray]:
        """Unwrap each, at the same time where providers wait.

        Raises KeyFailure; IntegrityFailure where a wrapped key was not made under its key and binding.
        """
        return _all([self._start("unwrap", one.key, call, partial(_unwrap, one, call)) for one in each])

    def create_key(self, provider: str, key_id: str, scope: bytes, call: Call) -> KeyRef:
        """Return a new key, version 1. Raises KeyFailure; KeyMisconfigured where the provider cannot make keys."""
        wanted = KeyRef(provider, key_id, 1, scope)
        return self._start("create_key", wanted, call, partial(_create, wanted, call))()

    def check(self, provider: str) -> None:
        """Let a provider prove that it works, where it can. Raises KeyFailure."""
        call = call_for(tenant="", request_id="check", purpose=Purpose.CHECK)
        self._start("check", KeyRef(provider, "", 0), call, partial(_check, call))()

    def describe(self, key: KeyRef, call: Call) -> KeyDescription | None:
        """Return what the provider knows of a key; None where it cannot say. Raises KeyFailure."""
        return self._start("describe", key, call, partial(_describe, key, call))()

    def validate(self, key: KeyRef, call: Call) -> Sequence[Finding]:
        """Return what the provider finds wrong with a key; nothing where it cannot look. Raises KeyFailure."""
        return self._start("validate", key, call, partial(_validate, key, call))()

    def setup_guide(self, provider: str, principal: str, org: str, external_id: str) -> SetupGuide:
        """Return what the admin of a key has to do. Raises KeyFailure; KeyMisconfigured where it has no word."""
        call = call_for(tenant=org, request_id="setup", purpose=Purpose.CHECK)

        def explain(found: Provider) -> SetupGuide:
            if not isinstance(found, ExplainsSetup):
                raise Unsupported
            return found.explain_setup(principal=principal, organization_id=org, external_id=external_id)

        return self._start("setup", KeyRef(provider, "", 0), call, explain)()

    def max_wraps(self, provider: str) -> int | None:
        """Return how many wraps a provider's keys may make; None: any number. Raises KeyMisconfigured."""
        return self._providers.max_wraps(provider)

    def provider(self, name: str) -> Provider:
        """Return a provider, built on first use. Raises KeyFailure where it is not set up."""
        return self._providers.get(name)

    def close(self) -> None:
        self._providers.close()

    def _start(self, operation: str, key: KeyRef, call: Call, work: Callable[[Provider], T]) -> Callable[[], T]:
        """Start a call, and return what waits for its result."""

        def attempt() -> T:
            provider = self._providers.get(key.provider)
            return translated(lambda: work(provider))

        if not self._providers.waits(key.provider):
            return attempt
        circuit = (
            Circuit() if call.purpose is Purpose.CHECK else self._circuit(key)
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
                self._judge(key.provider, failure, stuck=stuck)
                outcome = "ok" if failure is None else type(failure).__name__
                self._observe(Observation(key.provider, operation, outcome, time.monotonic() - began))

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

    def _judge(self, provider: str, failure: SealringError | None, *, stuck: bool) -> None:
        if stuck:
            self._providers.went_badly(provider, limit=STUCK_TO_REPLACE)
        elif isinstance(failure, PluginFault):
            self._providers.went_badly(provider, limit=FAULTS_TO_REPLACE)
        else:
            self._providers.went_well(provider)

    def _circuit(self, key: KeyRef) -> Circuit:
        # One organization cannot open another's circuit by naming the same key, to which it has no access.
        place = (key.provider, key.key_id, key.scope)
        circuit = self._circuits.get(place)
        if circuit is None:
            circuit = Circuit()
            self._circuits.put(place, circuit)
        return circuit


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


def _wrap(one: Wrapping, call: Call, provider: Provider) -> WrappedKey:
    wrapped: object = provider.wrap(one.key, one.dek, one.binding, call)
    if not isinstance(wrapped, WrappedKey) or not _ALG.fullmatch(wrapped.alg):
        raise fault("a wrapped key of another form")
    if not 1 <= len(wrapped.blob) <= MAX_WRAPPED_BYTES:
        raise fault("a wrapped key of another size")
    return wrapped


def _unwrap(one: Unwrapping, call: Call, provider: Provider) -> bytearray:
    dek: object = provider.unwrap(one.wrapped, one.key, one.binding, call)
    if not isinstance(dek, bytearray) or len(dek) != DEK_BYTES:
        raise fault("an unwrapped key of another form")
    return dek


def _check(call: Call, provider: Provider) -> None:
    if isinstance(provider, ChecksItself):
        provider.check(call)


def _describe(key: KeyRef, call: Call, provider: Provider) -> KeyDescription | None:
    return provider.describe(key, call) if isinstance(provider, Describes) else None


def _validate(key: KeyRef, call: Call, provider: Provider) -> Sequence[Finding]:
    return tuple(provider.validate(key, call)) if isinstance(provider, Validates) else ()


def _create(wanted: KeyRef, call: Call, provider: Provider) -> KeyRef:
    if not isinstance(provider, CreatesKeys):
        raise Unsupported
    made: object = provider.create_key(wanted.key_id, wanted.version, wanted.scope, call)
    if not isinstance(made, KeyRef) or replace(made, material=b"", key_id="") != replace(wanted, key_id=""):
        raise fault("a created key of another form")
    return made
