"""The keyring: wraps a data key by every KEK of its route, and unwraps it by the references that an envelope holds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from sealring.crypto.data_key import DataKey
from sealring.domain.aad import wrap_aad
from sealring.domain.context import ORGANIZATION_KEYS, KeyContext
from sealring.domain.envelope import Combine, Header, Wrap
from sealring.domain.events import Action, Event
from sealring.domain.ids import new_uuid, uuid_text
from sealring.domain.kek import Kek, KekScope
from sealring.domain.ports import KekStore
from sealring.domain.principal import Caller
from sealring.errors import IntegrityFailure, KeyFailure
from sealring.keys.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring.keys.recent import Recent
from sealring.keys.routing import ManagedKeks, Route, route
from sealring_plugin import Call, KeyRef, Purpose, WrapBinding, WrappedKey

CACHED_KEKS = 1000
CACHED_KEKS_TTL_S = 300.0


@dataclass(frozen=True, slots=True)
class ManagedKeys:
    """Which provider makes managed KEKs, and how many a context has."""

    provider: str
    per: ManagedKeks = ManagedKeks.COMBINATION


@dataclass(frozen=True, slots=True)
class _Job:
    header: Header
    shown: dict[str, str]
    call: Call

    @classmethod
    def of(cls, header: Header, context: KeyContext, caller: Caller, purpose: Purpose) -> Self:
        call = call_for(tenant=header.org, request_id=caller.request_id, purpose=purpose)
        return cls(header, shown_pairs(context), call)

    def binding(self, kek_id: bytes, kek_version: int, share_index: int) -> WrapBinding:
        aad = wrap_aad(self.header, kek_id=kek_id, kek_version=kek_version, share_index=share_index)
        return WrapBinding(self.shown, aad)


class Keyring:
    """Finds or makes KEKs, and wraps and unwraps under them. Thread-safe."""

    def __init__(self, gateway: Gateway, keks: KekStore, managed: ManagedKeys) -> None:
        self._gateway = gateway
        self._keks = keks
        self._managed = managed
        self._by_scope: Recent[bytes, Kek] = Recent(size=CACHED_KEKS, ttl_s=CACHED_KEKS_TTL_S)
        self._by_id: Recent[bytes, Kek] = Recent(size=CACHED_KEKS, ttl_s=CACHED_KEKS_TTL_S)

    def route(self, caller: Caller, context: KeyContext) -> Route:
        return route(caller.principal.environment, context.organization, context, self._managed.per)

    def wrap(self, dek: DataKey, header: Header, keys: Route, context: KeyContext, caller: Caller) -> tuple[Wrap, ...]:
        """Wrap `dek` by each KEK of the route. Raises KeyFailure, and then nothing may be stored."""
        job = _Job.of(header, context, caller, Purpose.ENCRYPT)
        keks = [self._find_or_make(scope, caller, job.call) for scope in keys.scopes]
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

    def _unwrap_any(self, wraps: tuple[Wrap, ...], job: _Job) -> DataKey:
        failures: list[KeyFailure | IntegrityFailure] = []
        for wrap in wraps:
            try:
                return DataKey(self._unwrap_shares((wrap,), job)[0])
            except (KeyFailure, IntegrityFailure) as error:
                failures.append(error)
        raise failures[0]

    def _wrap_shares(self, shares: Sequence[tuple[Kek, int, bytearray]], job: _Job) -> tuple[Wrap, ...]:
        wrappings = [
            Wrapping(_key_ref(kek), share, job.binding(kek.kek_id, kek.version, i)) for kek, i, share in shares
        ]
        return tuple(
            Wrap(kek.provider, kek.kek_id, kek.version, wrapped.alg, index, wrapped.blob)
            for (kek, index, _), wrapped in zip(shares, self._gateway.wrap(wrappings, job.call), strict=True)
        )

    def _unwrap_shares(self, wraps: Sequence[Wrap], job: _Job) -> list[bytearray]:
        unwrappings = [
            Unwrapping(
                _key_ref(self._by_reference(wrap, job.header)),
                WrappedKey(wrap.alg, wrap.blob),
                job.binding(wrap.kek_id, wrap.kek_version, wrap.share_index),
            )
            for wrap in wraps
        ]
        return self._gateway.unwrap(unwrappings, job.call)

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
        made = self._gateway.create_key(self._managed.provider, uuid_text(kek_id), scope.encoded, call)
        kek = Kek(kek_id, made.version, made.provider, made.key_id, scope.encoded, made.material)
        event = Event(
            action=Action.KEK_CREATED,
            environment=scope.environment,
            org=scope.org,
            actor=caller.actor,
            request_id=caller.request_id,
            target=uuid_text(kek_id),
        )
        return self._keks.publish(scope, kek, event)  # the loser of a race adopts the winner's


def shown_pairs(context: KeyContext) -> dict[str, str]:
    """What a key's owner may see of a context: the organization, and a digest of the whole."""
    shown = {key: value for key, value in context.pairs if key in ORGANIZATION_KEYS}
    return {**shown, "context_sha256": context.digest.hex()}


def _key_ref(kek: Kek) -> KeyRef:
    return KeyRef(kek.provider, kek.provider_key_id, kek.version, kek.scope, kek.material)
