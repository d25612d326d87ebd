"""The keyring: wraps a data key under every KEK of its route; unwraps it under the KEKs that its envelope names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from sealring.crypto.data_key import DataKey
from sealring.domain.aad import wrap_aad
from sealring.domain.binding import Binding
from sealring.domain.clock import now_us
from sealring.domain.context import ORGANIZATION_KEYS, KeyContext
from sealring.domain.decision import Decision
from sealring.domain.envelope import Combine, Header, Wrap
from sealring.domain.events import Action, Event
from sealring.domain.ids import EnvironmentId, OrgId, new_uuid, uuid_text
from sealring.domain.kek import Kek, KekRecord, KekScope, KekState, KekUse, Sealed
from sealring.domain.limits import LimitsOf, unlimited
from sealring.domain.ports import KekStore
from sealring.domain.principal import Caller
from sealring.domain.values import value
from sealring.errors import IntegrityFailure, KeyDestroyed, KeyFailure
from sealring.keys.opened_keys import OpenedKeys
from sealring.keys.references import kek_of, key_ref
from sealring.keys.routing import KeyRoute, ManagedKeks, refuse_shut, route
from sealring.keys.wrap_counts import WrapCounts
from sealring.providers.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring.recent import Recent
from sealring_plugin import DATA, Call, Purpose, WrapContext, WrappedKey

_READ = Purpose.DECRYPT

CACHED_KEKS = 1000
CACHED_KEKS_TTL_S = 300.0


@dataclass(frozen=True, slots=True)
class ManagedKeys:
    """The settings of managed KEKs: `provider` makes new ones, `readable` are providers that may hold older ones."""

    provider: str
    per: ManagedKeks = ManagedKeks.COMBINATION
    readable: tuple[str, ...] = ()

    @property
    def providers(self) -> tuple[str, ...]:
        return (self.provider, *self.readable)


@value
class _Job:
    header: Header
    context: KeyContext
    call: Call

    @classmethod
    def of(cls, header: Header, context: KeyContext, caller: Caller, purpose: Purpose) -> Self:
        call = call_for(
            environment=header.environment, tenant=header.org, request_id=caller.request_id, purpose=purpose
        )
        return cls(header, context, call)

    def wrap_context(self, kek: Kek, share_index: int) -> WrapContext:
        aad = wrap_aad(self.header, kek_id=kek.kek_id, kek_version=kek.version, share_index=share_index)
        return WrapContext(shown_pairs(self.context, kek.bound.show if kek.bound else ()), aad)


class Keyring:
    """Finds or makes KEKs, and wraps and unwraps under them. Thread-safe."""

    def __init__(  # noqa: PLR0913, PLR0917  its parts, each made once by wiring
        self,
        gateway: Gateway,
        keks: KekStore,
        managed: ManagedKeys,
        counts: WrapCounts,
        on_refusal: Callable[[EnvironmentId, OrgId], None] = lambda _environment, _org: None,
        limits_of: LimitsOf = unlimited,
    ) -> None:
        """`on_refusal` is called if an organization's own key failed for a reason that its owner has to fix."""
        self._gateway = gateway
        self._on_refusal = on_refusal
        self._limits_of = limits_of
        self._keks = keks
        self.managed = managed
        self._counts = counts
        self._opened = OpenedKeys()
        self._by_scope: Recent[bytes, KekRecord] = Recent(size=CACHED_KEKS, ttl_s=CACHED_KEKS_TTL_S)
        self._by_id: Recent[bytes, KekRecord] = Recent(size=CACHED_KEKS, ttl_s=CACHED_KEKS_TTL_S)

    def forget(self) -> None:
        """Drop every cached KEK and count: the store was restored."""
        self._counts.forget()
        self._by_scope.clear()
        self._by_id.clear()
        self._opened.clear()

    def route(self, context: KeyContext, decision: Decision) -> KeyRoute:
        """Return the keys for a context of the decision's organization. Raises KeyMisconfigured if too many match."""
        return route(decision.environment, decision.org, context, self.managed.per, decision.bindings)

    def wrap(
        self, dek: DataKey, header: Header, keys: KeyRoute, context: KeyContext, caller: Caller
    ) -> tuple[Wrap, ...]:
        """Wrap `dek` under each KEK of the route. Raises KeyFailure, QuotaExceeded: the caller must store nothing."""
        job = _Job.of(header, context, caller, Purpose.ENCRYPT)
        refuse_shut(*keys.bindings)
        keks = [binding.kek for binding in keys.bindings] or [
            self._managed_kek(scope, caller, job.call) for scope in keys.scopes
        ]
        with self._refusals_told(header) if keys.bindings else nullcontext():
            if keys.combine is Combine.ANY:
                return self._wrap_shares([(kek, 0, dek.secret) for kek in keks], job)
            with ExitStack() as stack:
                shares = [stack.enter_context(DataKey(share)).secret for share in dek.split(len(keks))]
                return self._wrap_shares(list(zip(keks, range(len(keks)), shares, strict=True)), job)

    def unwrap(
        self, header: Header, wraps: tuple[Wrap, ...], context: KeyContext, caller: Caller, decision: Decision
    ) -> DataKey:
        """Return the DEK, to be used in a with-block. The decision is of the header's organization.

        Raises KeyFailure if a key cannot be used; IntegrityFailure if a wrap was not made for this header.
        """
        job = _Job.of(header, context, caller, Purpose.DECRYPT)
        if header.combine is Combine.ALL:
            with ExitStack() as stack:
                shares = self._unwrap_shares(wraps, job, decision)
                return DataKey.joined([stack.enter_context(DataKey(share)).secret for share in shares])
        return self._unwrap_any(wraps, job, decision)

    def probe(
        self, header: Header, wraps: tuple[Wrap, ...], context: KeyContext, caller: Caller, decision: Decision
    ) -> list[KeyFailure | IntegrityFailure | None]:
        """Try each wrap separately; return its failure, or None. Raises KeyThrottled if too many requests wait."""
        job = _Job.of(header, context, caller, Purpose.CHECK)
        with self._gateway.place(header.environment, header.org, [wrap.provider for wrap in wraps]):
            return [self._shut_by(wrap, job, decision) for wrap in wraps]

    def _shut_by(self, wrap: Wrap, job: _Job, decision: Decision) -> KeyFailure | IntegrityFailure | None:
        try:
            with DataKey(self._unwrap_shares((wrap,), job, decision)[0]):
                return None
        except (KeyFailure, IntegrityFailure) as failure:
            return failure

    def _unwrap_any(self, wraps: tuple[Wrap, ...], job: _Job, decision: Decision) -> DataKey:
        if len(wraps) == 1:
            return DataKey(self._unwrap_shares(wraps, job, decision)[0])
        failures: list[KeyFailure | IntegrityFailure] = []
        for wrap in wraps:
            try:
                return DataKey(self._unwrap_shares((wrap,), job, decision)[0])
            except (KeyFailure, IntegrityFailure) as error:
                failures.append(error)
        try:
            raise failures[0]
        finally:
            del failures

    def _wrap_shares(self, shares: Sequence[tuple[Kek, int, bytearray]], job: _Job) -> tuple[Wrap, ...]:
        wrappings = [Wrapping(key_ref(kek), share, job.wrap_context(kek, index)) for kek, index, share in shares]
        return tuple(
            Wrap(kek.provider, kek.kek_id, kek.version, wrapped.alg, index, wrapped.blob)
            for (kek, index, _), wrapped in zip(shares, self._gateway.wrap(wrappings, job.call), strict=True)
        )

    def _unwrap_shares(self, wraps: Sequence[Wrap], job: _Job, decision: Decision) -> list[bytearray]:
        keks = [self._by_reference(wrap, job.header) for wrap in wraps]
        bindings = [_usable_binding(kek, decision) for kek in keks]
        unwrappings = [
            Unwrapping(key_ref(kek), WrappedKey(wrap.alg, wrap.blob), job.wrap_context(kek, wrap.share_index))
            for kek, wrap in zip(keks, wraps, strict=True)
        ]
        bound = [binding for binding in bindings if binding is not None]
        if not bound:
            return self._gateway.unwrap(unwrappings, job.call)
        with self._refusals_told(job.header):
            if not any(binding.max_stale_decrypt_s for binding in bound):
                return self._gateway.unwrap(unwrappings, job.call)
            return self._unwrap_stale(wraps, bindings, unwrappings, job)

    @contextmanager
    def _refusals_told(self, header: Header) -> Iterator[None]:
        """Report failures that the tenant has to fix: never an outage, our own limits or a managed key's failure."""
        try:
            yield
        except KeyFailure as failure:
            if failure.owner == "tenant":
                self._on_refusal(header.environment, header.org)
            raise

    def _unwrap_stale(
        self, wraps: Sequence[Wrap], bindings: Sequence[Binding | None], unwrappings: Sequence[Unwrapping], job: _Job
    ) -> list[bytearray]:
        """Unwrap, without a call if the binding allows a cached result."""
        shares: list[bytearray] = []
        for wrap, binding, unwrapping in zip(wraps, bindings, unwrappings, strict=True):
            stale_s = 0 if binding is None else binding.max_stale_decrypt_s
            share = self._opened.get(wrap, unwrapping.context.aad) if stale_s and job.call.purpose is _READ else None
            if share is None:
                try:
                    (share,) = self._gateway.unwrap([unwrapping], job.call)
                except KeyFailure:
                    self._opened.forget(wrap.kek_id)
                    raise
                if stale_s:
                    self._opened.put(wrap, unwrapping.context.aad, share, stale_s)
            shares.append(share)
        return shares

    def _by_reference(self, wrap: Wrap, header: Header) -> Kek:
        record = self._by_id.recall(wrap.kek_id, lambda: self._stored(wrap, header))
        kek = record.of_version(wrap.kek_version)
        if kek is None or kek.provider != wrap.provider:
            raise IntegrityFailure("another KEK version or provider")
        if kek.state is KekState.DESTROYED:
            raise _destroyed()
        if not kek.scope.startswith(KekScope.owner(header.environment, header.org)):
            raise IntegrityFailure("the KEK of another organization")
        return kek

    def _stored(self, wrap: Wrap, header: Header) -> KekRecord:
        record = self._keks.get(header.environment, header.org, wrap.kek_id)
        if record is None:
            raise IntegrityFailure("unknown KEK")
        return record

    def uses(self, keys: KeyRoute, wraps: tuple[Wrap, ...], sealed: Sealed) -> tuple[KekUse, ...]:
        """Return the uses of KEKs to count for these wraps of a route."""
        if not keys.scopes:
            return tuple(KekUse.of_binding(wrap.kek_id, wrap.kek_version, sealed) for wrap in wraps)
        data_keys = int(sealed is Sealed.DATA_KEY)
        uses = (
            KekUse(wrap.kek_id, wrap.kek_version, int(self._counts.counts(wrap.provider)), data_keys) for wrap in wraps
        )
        return tuple(use for use in uses if use.wraps or use.data_keys)

    def _managed_kek(self, scope: KekScope, caller: Caller, call: Call) -> Kek:
        """Return the version of the scope's KEK that wraps now. Raises KeyDestroyed; KeyExhausted."""
        kek = self._find_or_make(scope, caller, call).active
        if kek is None:
            raise _destroyed()
        self._counts.admit(scope.environment, scope.org, kek)
        return kek

    def _find_or_make(self, scope: KekScope, caller: Caller, call: Call) -> KekRecord:
        return self._by_scope.recall(scope.encoded, lambda: self._keks.find(scope) or self._make(scope, caller, call))

    def _make(self, scope: KekScope, caller: Caller, call: Call) -> KekRecord:
        kek_id = new_uuid()
        made = self._gateway.create_key(self.managed.provider, uuid_text(kek_id), scope.encoded, DATA, call)
        kek = kek_of(kek_id, made, now_us())
        event = Event(
            action=Action.KEK_CREATED,
            environment=scope.environment,
            org=scope.org,
            origin=caller.origin,
            target=uuid_text(kek_id),
            context=scope.context,
            keys=((kek_id, kek.version),),
        )
        limits = self._limits_of(scope.environment, scope.org)
        return self._keks.publish(scope, kek, event, limits)  # after a race, all use the KEK that was stored first


def shown_pairs(context: KeyContext, show: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the pairs that a key's owner may see: the organization, a digest of the context, those in `show`."""
    shown = _cached_shown if context.is_short else _shown
    return dict(shown(context, show))  # a copy, because a plugin may keep or change it


def _shown(context: KeyContext, show: tuple[str, ...]) -> dict[str, str]:
    shown = {key: value for key, value in context.pairs if key in ORGANIZATION_KEYS or key in show}
    return {**shown, "context_sha256": context.digest.hex()}


_cached_shown = lru_cache(1000)(_shown)


def _usable_binding(kek: Kek, decision: Decision) -> Binding | None:
    """Return the binding of a bound KEK. Raises KeyDisabled if it is shut; IntegrityFailure if it is missing."""
    if kek.bound is None:
        return None
    binding = decision.of_kek(kek.kek_id)
    if binding is None:
        raise IntegrityFailure("a bound key without its binding")
    refuse_shut(binding)
    return binding


def _destroyed() -> KeyDestroyed:
    return KeyDestroyed("The key of this context is destroyed; its data can never be read again.", "operator")
