"""The gateway: the only caller of providers of keys, and what keeps a slow one from holding up others.

It adds to every call: checks of sizes, the deadline, one retry if that may help, the circuit of the key, the bulkhead
of the organization, and the replacement of a provider that hangs or breaks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, TypeVar

from sealring.domain.values import value
from sealring.errors import Responsible
from sealring.observability import metrics
from sealring.providers import results
from sealring.providers.bulkhead import Bulkhead
from sealring.providers.calls import Calls, Observation, Place, Work
from sealring.providers.failures import translated
from sealring.providers.instances import ManagedSource, Providers, Source
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
    WrapContext,
    WrappedKey,
)

DEADLINE_S = 3.0
THREADS = 16  # of a worker, by default

_NOT_MANAGED = (
    "The record of a managed key names the provider '{}', which [keys] managed and managed_readable do not name. Tell "
    "the operator: either the provider has to be listed there, or somebody else wrote the record."
)
_NOT_LOADED = "No plugin is loaded for the key provider '{}'. Tell the operator."

T = TypeVar("T")


class _NothingToSay(Unsupported):
    """The provider does not support it; the tenant's key is not the cause."""

    owner: ClassVar[Responsible] = "operator"


@value
class Wrapping:
    """A DEK, or a share of one, to be wrapped."""

    key: ManagedKey | CustomersKey
    dek: bytearray
    context: WrapContext


@value
class Unwrapping:
    """A wrapped DEK to be unwrapped."""

    key: ManagedKey | CustomersKey
    wrapped: WrappedKey
    context: WrapContext


def call_for(*, environment: str = "", tenant: str = "", request_id: str, purpose: Purpose) -> Call:
    """Return a call with the deadline of a request. `environment` and `tenant` are empty for the server's own calls."""
    return Call(time.monotonic() + DEADLINE_S, request_id, tenant, purpose, environment)


class Gateway:
    """Calls providers and translates every failure. Thread-safe.

    It passes managed keys only to managed providers, and customers' keys only to providers of customers' keys: records
    of the store name providers, but an altered record must not choose the provider that is called.
    """

    def __init__(
        self,
        managed: Mapping[str, ManagedSource],
        customers: Mapping[str, Source[CustomersKeys]],
        observe: Callable[[Observation], None] = Observation.count,
        *,
        threads: int = THREADS,
    ) -> None:
        """`threads`: the number of requests that this process serves at once."""
        self._accepts = {name: source.check_key for name, source in managed.items()}
        self._limits = {name: source.max_wraps for name, source in managed.items()}
        metrics.PROVIDERS.add(*managed, *customers)
        self._managed = Providers(managed, _NOT_MANAGED)
        self._customers = Providers(customers, _NOT_LOADED)
        self._bulkhead = Bulkhead(threads)
        self._calls = Calls(self._bulkhead, observe)

    def wrap(self, each: Sequence[Wrapping], call: Call) -> list[WrappedKey]:
        """Wrap each, concurrently if providers wait. Raises KeyFailure, the first in the order of `each`."""
        at_hand = self._at_hand([one.key for one in each])
        if at_hand is not None:
            provider, key, (one,) = *at_hand, each

            def wrap() -> WrappedKey:
                return results.wrapped(provider.wrap(self._accepted(key), one.dek, one.context, call))

            return [translated(wrap, "operator")]

        def work(one: Wrapping) -> Work[WrappedKey]:
            return self._of_kind(
                one.key,
                lambda found, key: results.wrapped(found.wrap(key, one.dek, one.context, call)),
                lambda found, key: results.wrapped(found.wrap(key, one.dek, one.context, call)),
            )

        return self._calls.together("wrap", [work(one) for one in each], call)

    def unwrap(self, each: Sequence[Unwrapping], call: Call) -> list[bytearray]:
        """Unwrap each, concurrently if providers wait.

        Raises KeyFailure; IntegrityFailure if a wrapped key was not made under its key and context.
        """
        at_hand = self._at_hand([one.key for one in each])
        if at_hand is not None:
            provider, key, (one,) = *at_hand, each

            def unwrap() -> bytearray:
                return results.unwrapped(provider.unwrap(one.wrapped, self._accepted(key), one.context, call))

            return [translated(unwrap, "operator")]

        def work(one: Unwrapping) -> Work[bytearray]:
            return self._of_kind(
                one.key,
                lambda found, key: results.unwrapped(found.unwrap(one.wrapped, key, one.context, call)),
                lambda found, key: results.unwrapped(found.unwrap(one.wrapped, key, one.context, call)),
            )

        return self._calls.together("unwrap", [work(one) for one in each], call)

    def create_key(self, provider: str, key_id: str, scope: bytes, domain: str, call: Call) -> ManagedKey:
        """Return a new key, version 1, under the newest root of `domain`. Raises KeyFailure."""
        wanted = ManagedKey(provider, key_id, 1, scope, RootName(domain, 0))

        def create(found: ManagedKeys) -> ManagedKey:
            return results.created(found.create_key(key_id, 1, scope, domain, call), wanted)

        return self._one("create_key", self._of_managed(Place.of(wanted), create), call)

    def check(self, provider: str) -> None:
        """Let a provider of managed keys check itself, if it can. Raises KeyFailure if it does not work."""
        call = call_for(request_id="check", purpose=Purpose.CHECK)

        def check(found: ManagedKeys) -> None:
            if isinstance(found, ChecksItself):
                found.check(call)

        self._one("check", self._of_managed(Place(provider), check), call)

    def announcement(self, provider: str) -> str | None:
        """Return the line that a provider of managed keys announces at start-up, if it has one. Raises KeyFailure."""
        found = self._managed.get(provider)
        return translated(lambda: results.line(found.announcement())) if isinstance(found, Announces) else None

    def manages(self, provider: str) -> bool:
        """Return whether a provider may keep managed keys."""
        return provider in self._accepts

    def describe(self, key: CustomersKey, call: Call) -> KeyDescription | None:
        """Return the provider's description of a key; None if it cannot describe keys. Raises KeyFailure."""

        def describe(found: CustomersKeys) -> KeyDescription | None:
            return results.description(found.describe(key, call)) if isinstance(found, Describes) else None

        return self._one("describe", self._of_customers(Place.of(key), describe), call)

    def validate(self, key: CustomersKey, call: Call) -> Sequence[Finding]:
        """Return the provider's findings about a key; none if it cannot validate keys. Raises KeyFailure."""

        def validate(found: CustomersKeys) -> Sequence[Finding]:
            return results.findings(found.validate(key, call)) if isinstance(found, Validates) else ()

        return self._one("validate", self._of_customers(Place.of(key), validate), call)

    def setup_guide(self, provider: str, principal: str, external_id: str, call: Call) -> SetupGuide:
        """Return the steps for the administrator of a key of the call's organization.

        Raises KeyFailure; KeyMisconfigured if the provider has no setup guide.
        """

        def explain(found: CustomersKeys) -> SetupGuide:
            if not isinstance(found, ExplainsSetup):
                raise _NothingToSay
            org = call.tenant_id
            return results.guide(found.explain_setup(principal=principal, organization_id=org, external_id=external_id))

        return self._one("setup", self._of_customers(Place(provider), explain), call)

    def max_wraps(self, provider: str) -> int | None:
        """Return the limit of wraps under one version of a managed provider's key; None: no limit."""
        return self._limits.get(provider)

    def place(self, environment: str, tenant: str, providers: Iterable[str]) -> AbstractContextManager[None]:
        """Keep one place in the bulkhead during several calls for an organization, one after the other.

        Raises KeyThrottled if one of the providers waits, and the organization already has its share.
        """
        waits = any(self._managed.waits(name) or self._customers.waits(name) for name in providers)
        return self._bulkhead.place((environment, tenant)) if waits else nullcontext()

    def count_circuits(self) -> None:
        """Show in the metrics how many circuits are open."""
        found = self._calls.open_circuits()
        for name in {**self._limits, **found}:
            metrics.CIRCUITS.of(provider=name).set(found.get(name, 0))

    def beside_requests(self) -> AbstractContextManager[None]:
        """Let this thread make calls without a place in the bulkhead: for threads that serve no requests."""
        return self._bulkhead.beside_requests()

    def close(self) -> None:
        self._managed.close()
        self._customers.close()

    def _at_hand(self, keys: Sequence[ManagedKey | CustomersKey]) -> tuple[ManagedKeys, ManagedKey] | None:
        """Return the provider of one managed key, if it waits for nothing: it needs no place and no circuit.

        The usual case of a key in software. Raises KeyFailure.
        """
        if len(keys) != 1:
            return None
        (key,) = keys
        if isinstance(key, CustomersKey) or self._managed.waits(key.provider):
            return None
        return self._managed.get(key.provider), key

    def _of_kind(
        self,
        key: ManagedKey | CustomersKey,
        managed: Callable[[ManagedKeys, ManagedKey], T],
        customers: Callable[[CustomersKeys, CustomersKey], T],
    ) -> Work[T]:
        """Return the call of a managed provider for a managed key, of a customers' provider for a customer's key."""
        place = Place.of(key)
        if isinstance(key, CustomersKey):
            return self._of_customers(place, lambda found: customers(found, key))
        return self._of_managed(place, lambda found: managed(found, self._accepted(key)))

    def _of_managed(self, place: Place, ask: Callable[[ManagedKeys], T]) -> Work[T]:
        return Work.of(self._managed, place, ask, "operator")

    def _of_customers(self, place: Place, ask: Callable[[CustomersKeys], T]) -> Work[T]:
        return Work.of(self._customers, place, ask, "tenant")

    def _accepted(self, key: ManagedKey) -> ManagedKey:
        """Raises ProviderError if the provider's settings do not name the managed key."""
        self._accepts[key.provider](key)
        return key

    def _one(self, operation: str, work: Work[T], call: Call) -> T:
        return self._calls.together(operation, [work], call)[0]
