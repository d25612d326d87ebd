"""The keyring: wraps a data key by every KEK of its route, and unwraps it by the references that an envelope holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Self

from sealring.crypto.data_key import DataKey
from sealring.domain.aad import wrap_aad
from sealring.domain.binding import Binding, BindingState
from sealring.domain.context import ORGANIZATION_KEYS, KeyContext
from sealring.domain.envelope import Combine, Header, Wrap
from sealring.domain.events import Action, Event
from sealring.domain.ids import EnvironmentId, OrgId, new_uuid, uuid_text
from sealring.domain.kek import Kek, KekScope
from sealring.domain.ports import KekStore
from sealring.domain.principal import Caller
from sealring.errors import IntegrityFailure, KeyDisabled, KeyFailure
from sealring.keys.bound_keys import BoundKeys
from sealring.keys.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring.keys.opened_keys import OpenedKeys
from sealring.keys.recent import Recent
from sealring.keys.references import kek_of, key_ref
from sealring.keys.routing import ManagedKeks, Route, route
from sealring_plugin import DATA, Call, Purpose, WrapBinding, WrappedKey

_READ = Purpose.DECRYPT

CACHED_KEKS = 1000
CACHED_KEKS_TTL_S = 300.0


@dataclass(frozen=True, slots=True)
class ManagedKeys:
    """Which provider makes managed KEKs, which others may still hold older ones, and how many a context has."""

    provider: str
    per: ManagedKeks = ManagedKeks.COMBINATION
    readable: tuple[str, ...] = ()

    @property
    def providers(self) -> tuple[str, ...]:
        return (self.provider, *self.readable)


@dataclass(frozen=True, slots=True)
class _Job:
    header: Header
    context: KeyContext
    call: Call

    @classmethod
    def of(cls, header: Header, context: KeyContext, caller: Caller, purpose: Purpose) -> Self:
        return cls(header, context, call_for(tenant=header.org, request_id=caller.request_id, purpose=purpose))

    def binding(self, kek: Kek, share_index: int) -> WrapBinding:
        aad = wrap_aad(self.header, kek_id=kek.kek_id, kek_version=kek.version, share_index=share_index)
        return WrapBinding(shown_pairs(self.context, kek.bound.show if kek.bound else ()), aad)


class Keyring:
    """Finds or makes KEKs, and wraps and unwraps under them. Thread-safe."""

    def __init__(
        self,
        gateway: Gateway,
        keks: KekStore,
        bound: BoundKeys,
        managed: ManagedKeys,
        on_refusal: Callable[[EnvironmentId, OrgId], None] = lambda _environment, _org: None,
    ) -> None:
        """`on_refusal` hears of each organization whose own key could not be used."""
        self._gateway = gateway
        self._on_refusal = on_refusal
        self._keks = keks
        self._bound = bound
        self._managed = managed
        self._opened = OpenedKeys()
        self._by_scope: Recent[bytes, Kek] = Recent(size=CACHED_KEKS, ttl_s=CACHED_KEKS_TTL_S)
        self._by_id: Recent[bytes, Kek] = Recent(size=CACHED_KEKS, ttl_s=CACHED_KEKS_TTL_S)

    def route(self, caller: Caller, context: KeyContext, epoch: int | None = None) -> Route:
        """Return the keys of a context, by the bindings as of `epoch`; None: as they are known."""
        environment, org = caller.principal.environment, context.organization
        known = self._bound.of(environment, org) if epoch is None else self._bound.at(environment, org, epoch)
        found = route(environment, org, context, self._managed.per, known.bindings)
        if epoch is None and any(each.state is BindingState.SUSPENDED for each in found.bindings):
            known = self._bound.renewed(environment, org)
            found = route(environment, org, context, self._managed.per, known.bindings)
        return found

    def is_current(self, environment: EnvironmentId, org: OrgId, epoch: int) -> bool:
        """Whether what was sealed or opened until now may be answered, `epoch` having been read since."""
        return self._bound.is_current(environment, org, epoch)

    def wrap(self, dek: DataKey, header: Header, keys: Route, context: KeyContext, caller: Caller) -> tuple[Wrap, ...]:
        """Wrap `dek` by each KEK of the route. Raises KeyFailure, and then nothing may be stored."""
        job = _Job.of(header, context, caller, Purpose.ENCRYPT)
        for binding in keys.bindings:
            _refuse_suspended(binding)
        keks = [binding.kek for binding in keys.bindings] or [
            self._find_or_make(scope, caller, job.call) for scope in keys.scopes
        ]
        with self._refusals_told(header, bound=bool(keys.bindings)):
            if keys.combine is Combine.ANY:
                return self._wrap_shares([(kek, 0, dek.secret) for kek in keks], job)
            with ExitStack() as stack:
                shares = [stack.enter_context(DataKey(share)).secret for share in dek.split(len(keks))]
                return self._wrap_shares(list(zip(keks, range(len(keks)), shares, strict=True)), job)

    def unwrap(self, header: Header, wraps: tuple[Wrap, ...], context: KeyContext, caller: Caller) -> DataKey:
        """Return the DEK, to be used in a with-block.

        Raises KeyFailure where a key cannot be used; IntegrityFailure where a wrap was not made for this header.
        """
        job = _Job.of(header, context, caller, Purpose.DECRYPT)
        if header.combine is Combine.ALL:
            with ExitStack() as stack:
                shares = self._unwrap_shares(wraps, job)
                return DataKey.joined([stack.enter_context(DataKey(share)).secret for share in shares])
        return self._unwrap_any(wraps, job)

    def probe(
        self, header: Header, wraps: tuple[Wrap, ...], context: KeyContext, caller: Caller
    ) -> list[KeyFailure | IntegrityFailure | None]:
        """Try each wrap by itself, and say what kept it shut."""
        job = _Job.of(header, context, caller, Purpose.CHECK)
        outcomes: list[KeyFailure | IntegrityFailure | None] = []
        for wrap in wraps:
            try:
                with DataKey(self._unwrap_shares((wrap,), job)[0]):
                    outcomes.append(None)
            except (KeyFailure, IntegrityFailure) as failure:
                outcomes.append(failure)
        return outcomes

    def binding_of(self, environment: EnvironmentId, org: OrgId, kek_id: bytes) -> Binding | None:
        """Return the binding that a KEK belongs to, read now; None for a managed one."""
        return self._bound.renewed(environment, org).of_kek(kek_id)

    def _unwrap_any(self, wraps: tuple[Wrap, ...], job: _Job) -> DataKey:
        failures: list[KeyFailure | IntegrityFailure] = []
        for wrap in wraps:
            try:
                return DataKey(self._unwrap_shares((wrap,), job)[0])
            except (KeyFailure, IntegrityFailure) as error:
                failures.append(error)
        raise failures[0]

    def _wrap_shares(self, shares: Sequence[tuple[Kek, int, bytearray]], job: _Job) -> tuple[Wrap, ...]:
        wrappings = [Wrapping(key_ref(kek), share, job.binding(kek, index)) for kek, index, share in shares]
        return tuple(
            Wrap(kek.provider, kek.kek_id, kek.version, wrapped.alg, index, wrapped.blob)
            for (kek, index, _), wrapped in zip(shares, self._gateway.wrap(wrappings, job.call), strict=True)
        )

    def _unwrap_shares(self, wraps: Sequence[Wrap], job: _Job) -> list[bytearray]:
        keks = [self._by_reference(wrap, job.header) for wrap in wraps]
        bindings = [self._usable_binding(kek, job.header) for kek in keks]
        unwrappings = [
            Unwrapping(key_ref(kek), WrappedKey(wrap.alg, wrap.blob), job.binding(kek, wrap.share_index))
            for kek, wrap in zip(keks, wraps, strict=True)
        ]
        bound = [binding for binding in bindings if binding is not None]
        with self._refusals_told(job.header, bound=bool(bound)):
            if not any(binding.max_stale_decrypt_s for binding in bound):
                return self._gateway.unwrap(unwrappings, job.call)
            return self._unwrap_stale(wraps, bindings, unwrappings, job)

    @contextmanager
    def _refusals_told(self, header: Header, *, bound: bool) -> Iterator[None]:
        try:
            yield
        except KeyFailure:
            if bound:
                self._on_refusal(header.environment, header.org)
            raise

    def _unwrap_stale(
        self, wraps: Sequence[Wrap], bindings: Sequence[Binding | None], unwrappings: Sequence[Unwrapping], job: _Job
    ) -> list[bytearray]:
        """Unwrap, and spare the key a question where its binding allows an older answer."""
        shares: list[bytearray] = []
        for wrap, binding, unwrapping in zip(wraps, bindings, unwrappings, strict=True):
            stale_s = 0 if binding is None else binding.max_stale_decrypt_s
            share = self._opened.get(wrap, unwrapping.binding.aad) if stale_s and job.call.purpose is _READ else None
            if share is None:
                try:
                    (share,) = self._gateway.unwrap([unwrapping], job.call)
                except KeyFailure:
                    self._opened.forget(wrap.kek_id)
                    raise
                if stale_s:
                    self._opened.put(wrap, unwrapping.binding.aad, share, stale_s)
            shares.append(share)
        return shares

    def _usable_binding(self, kek: Kek, header: Header) -> Binding | None:
        if kek.bound is None:
            return None
        binding = self._bound.of(header.environment, header.org).of_kek(kek.kek_id)
        if binding is None or binding.state is BindingState.SUSPENDED:
            binding = self.binding_of(header.environment, header.org, kek.kek_id)
        if binding is None:
            raise IntegrityFailure("a bound key without its binding")
        _refuse_suspended(binding)
        return binding

    def _by_reference(self, wrap: Wrap, header: Header) -> Kek:
        kek = self._by_id.get(wrap.kek_id)
        if kek is None:
            kek = self._keks.get(header.environment, header.org, wrap.kek_id)
            if kek is None:
                raise IntegrityFailure("unknown KEK")
            self._by_id.put(wrap.kek_id, kek)
        if (kek.provider, kek.version) != (wrap.provider, wrap.kek_version):
            raise IntegrityFailure("another KEK version or provider")
        if not kek.scope.startswith(KekScope.owner(header.environment, header.org)):
            raise IntegrityFailure("the KEK of another organization")
        return kek

    def _find_or_make(self, scope: KekScope, caller: Caller, call: Call) -> Kek:
        kek = self._by_scope.get(scope.encoded)
        if kek is None:
            kek = self._keks.find(scope) or self._make(scope, caller, call)
            self._by_scope.put(scope.encoded, kek)
        return kek

    def _make(self, scope: KekScope, caller: Caller, call: Call) -> Kek:
        kek_id = new_uuid()
        made = self._gateway.create_key(self._managed.provider, uuid_text(kek_id), scope.encoded, DATA, call)
        kek = kek_of(kek_id, made)
        event = Event(
            action=Action.KEK_CREATED,
            environment=scope.environment,
            org=scope.org,
            actor=caller.actor,
            request_id=caller.request_id,
            target=uuid_text(kek_id),
        )
        return self._keks.publish(scope, kek, event)  # the loser of a race adopts the winner's


def shown_pairs(context: KeyContext, show: Sequence[str] = ()) -> dict[str, str]:
    """What a key's owner may see of a context: the organization, a digest of the whole, what their binding shows."""
    shown = {key: value for key, value in context.pairs if key in ORGANIZATION_KEYS or key in show}
    return {**shown, "context_sha256": context.digest.hex()}


def _refuse_suspended(binding: Binding) -> None:
    if binding.state is BindingState.SUSPENDED:
        raise KeyDisabled("The key's binding is suspended. Ask whoever suspended it to activate it.")
