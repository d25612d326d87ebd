"""Bindings: the lifecycle of customers' keys, from creation to retirement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.binding import (
    MAX_BINDINGS,
    Binding,
    BindingState,
    BindingUse,
    Verification,
    binding_home,
    match_of,
    new_binding_id,
    parse_binding_id,
)
from sealring.domain.binding_ports import BindingChange, BindingStore
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine
from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import EnvironmentId, OrgId, uuid_text
from sealring.domain.principal import Caller, Permission
from sealring.domain.wire import lp16
from sealring.errors import BindingConflict, InvalidBody, NotFound
from sealring.keys.references import customers_key
from sealring.providers.catalog import Catalog
from sealring.providers.gateway import Gateway, call_for
from sealring.services.binding_rules import moved, of_id, refuse_changed, refuse_equal, refuse_other_case, works
from sealring.services.verification import Verifier, Watch, unwatched
from sealring.services.visibility import at_home
from sealring_plugin import Purpose, SetupGuide


@dataclass(frozen=True, slots=True)
class NewBinding:
    """The binding that a caller asks for."""

    org: OrgId
    match: KeyContext
    provider: str
    key: str
    options: Mapping[str, object] = field(default_factory=dict)
    combine: Combine = Combine.ALL
    show: tuple[str, ...] = ()
    max_stale_decrypt_s: int = 0
    replaces: str | None = None


class Bindings:
    """The use cases of bindings. Thread-safe."""

    def __init__(
        self, store: BindingStore, catalog: Catalog, gateway: Gateway, verifier: Verifier, keys: StoreKeys
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._gateway = gateway
        self._verifier = verifier
        self._keys = keys

    def create(self, caller: Caller, new: NewBinding, *, activate: bool) -> Binding:
        """Store a pending binding; with `activate`, verify it too, and activate it if its key works.

        Raises Forbidden; InvalidBody for a provider, key or option that can never be valid, or a match of another
        organization; BindingConflict if an equal match is active, or if the organization has too many bindings.
        """
        binding = self.checked(caller, new)
        environment = binding.environment

        def decide(found: Sequence[Binding], now: int) -> BindingChange:
            refuse_equal(binding, found)
            if len(found) >= MAX_BINDINGS:
                raise BindingConflict(f"The organization has {MAX_BINDINGS} bindings. Delete pending ones.")
            made = replace(binding, created_at=now, updated_at=now)
            return BindingChange(made, self._event(Action.BINDING_CREATED, made, caller))

        made = self._store.change(environment, new.org, decide)
        if not activate:
            return made
        verified = self.validate(caller, uuid_text(made.id))
        return self._open(caller, verified) if works(verified) else verified

    def checked(self, caller: Caller, new: NewBinding) -> Binding:
        """Return the binding that a caller asks for, if it can be valid; nothing is stored. Raises as `create` does."""
        self._admit(caller, new.org)
        if new.match.organization not in {"", new.org}:
            raise InvalidBody("match: it names another organization.", (("match", "it names another organization."),))
        refuse_other_case(new.show)
        environment = caller.principal.environment
        options = self._catalog.options(new.provider, new.options, self.external_id(environment, new.org))
        binding = Binding(
            id=new_binding_id(self._store.home(environment, new.org)),
            environment=environment,
            org=new.org,
            match=match_of(new.match.pairs),
            provider=new.provider,
            key=new.key,
            options=options,
            combine=new.combine,
            show=tuple(sorted(set(new.show))),
            max_stale_decrypt_s=new.max_stale_decrypt_s,
            replaces=b"" if new.replaces is None else self._own(caller, new.replaces).id,
            state=BindingState.PENDING,
            shut=True,
            created_at=0,
            updated_at=0,
        )
        self._catalog.check_key(customers_key(binding.kek))
        return binding

    def list(self, caller: Caller, org: OrgId) -> Sequence[Binding]:
        """Return the bindings of an organization, the oldest first."""
        self._admit(caller, org)
        decision = self._store.load(caller.principal.environment, org)
        return sorted(decision.bindings, key=lambda each: (each.created_at, each.id))

    def uses(self, caller: Caller, org: OrgId, bindings: Sequence[Binding]) -> Mapping[bytes, BindingUse]:
        """Return how the keys of an organization's bindings were used, by id, without those that were altered."""
        self._admit(caller, org)
        mine = [each for each in bindings if (each.environment, each.org) == (caller.principal.environment, org)]
        return self._store.uses(caller.principal.environment, org, mine)

    def read(self, caller: Caller, text_id: str) -> Binding:
        caller.principal.require(Permission.BINDINGS_MANAGE)
        return self._own(caller, text_id)

    def validate(self, caller: Caller, text_id: str, watch: Watch = unwatched) -> Binding:
        """Run every check of the key, and store the result. The state does not change.

        Raises BindingConflict if the binding changed meanwhile; KeyThrottled, and stores nothing, if too many requests
        already wait for the organization's keys.
        """
        caller.principal.require(Permission.BINDINGS_MANAGE)
        binding = self._own(caller, text_id)
        with self._gateway.place(binding.environment, binding.org, [binding.provider]):
            return self.verified(binding, caller.origin, watch)

    def verified(self, binding: Binding, origin: Origin, watch: Watch = unwatched) -> Binding:
        """Verify a binding without a caller: health checks do so for each binding that guards."""
        result = self._verifier.verify(binding, origin.request_id, binding.updated_at, watch)

        def decide(found: Sequence[Binding], now: int) -> BindingChange:
            current = of_id(found, binding.id)
            refuse_changed(current, binding)
            stamped = replace(result, checked_at=now, since=now).after(current.verification)
            changed = current.verified(stamped, now)
            return BindingChange(changed, self._verification_event(changed, stamped, origin))

        return self._store.change(binding.environment, binding.org, decide)

    def activate(self, caller: Caller, text_id: str, watch: Watch = unwatched) -> Binding:
        """Verify a pending or suspended binding, then activate it; or a retired one that is shut, then reopen it.

        Raises BindingConflict if its key does not work, or if an equal match is already active.
        """
        verified = self.validate(caller, text_id, watch)
        if not works(verified):
            codes = ", ".join(verified.verification.codes) if verified.verification is not None else ""
            raise BindingConflict(f"The key does not work: {codes}. Fix that, then activate the binding again.")
        return self._open(caller, verified)

    def suspend(self, caller: Caller, text_id: str) -> Binding:
        """Refuse everything that the binding guards, at once: nothing is sealed or opened under its key.

        A retired binding stays retired, and opens nothing. A second call stops an activation that is in progress.
        """
        caller.principal.require(Permission.BINDINGS_MANAGE)
        binding = self._own(caller, text_id)

        def suspended(current: Binding, now: int) -> Binding:
            if current.state is BindingState.RETIRED:
                return current.closed(now)
            return moved(current, BindingState.SUSPENDED, now)

        return self._replace(caller, binding, suspended)

    def retire(self, caller: Caller, text_id: str) -> Binding:
        """Seal nothing new under the binding. Earlier values open while its key works, unless the binding is shut."""
        caller.principal.require(Permission.BINDINGS_MANAGE)
        binding = self._own(caller, text_id)
        return self._replace(caller, binding, lambda current, now: moved(current, BindingState.RETIRED, now))

    def delete(self, caller: Caller, text_id: str) -> None:
        """Remove a binding that was never used. Raises BindingConflict unless it is pending."""
        caller.principal.require(Permission.BINDINGS_MANAGE)
        binding = self._own(caller, text_id)

        def decide(found: Sequence[Binding], _now: int) -> BindingChange:
            current = of_id(found, binding.id)
            if current.state is not BindingState.PENDING:
                raise BindingConflict("Envelopes may need the binding's key. Retire the binding instead.")
            return BindingChange(current, self._event(Action.BYOK_DELETED, current, caller), removes=True)

        self._store.change(binding.environment, binding.org, decide)

    def setup(self, caller: Caller, provider: str, org: OrgId) -> SetupGuide:
        """Return what the administrator of a key has to do before it can be bound. Raises KeyFailure."""
        self._admit(caller, org)
        environment = caller.principal.environment
        call = call_for(environment=environment, tenant=org, request_id=caller.request_id, purpose=Purpose.CHECK)
        principal, external_id = self._catalog.principal(provider), self.external_id(environment, org)
        return self._gateway.setup_guide(provider, principal, external_id, call)

    def external_id(self, environment: EnvironmentId, org: OrgId) -> str:
        """Return a text that no other organization has and nobody can choose: the external ID of AWS."""
        return self._keys.locator(b"external-id", lp16(environment.encode()) + lp16(org.encode())).hex()

    def _admit(self, caller: Caller, org: OrgId) -> None:
        caller.principal.require(Permission.BINDINGS_MANAGE)
        caller.principal.require_organization(org)
        caller.acts_for(org)

    def _own(self, caller: Caller, text_id: str) -> Binding:
        """Raises the same NotFound for a missing binding and for another organization's."""
        binding_id, principal = parse_binding_id(text_id), caller.principal
        if binding_id is None or not at_home(principal, binding_home(binding_id), self._store.home):
            raise NotFound("Binding")
        owner = self._store.owner(binding_id)
        if owner is None or not principal.may_see(*owner):
            raise NotFound("Binding")
        caller.acts_for(owner[1])
        return of_id(self._store.load(*owner).bindings, binding_id)

    def _open(self, caller: Caller, binding: Binding) -> Binding:
        """Activate a binding that was just verified, in place of the one it replaces; reopen it if it is retired."""

        def decide(found: Sequence[Binding], now: int) -> BindingChange:
            current = of_id(found, binding.id)
            refuse_changed(current, binding)
            if current.state is BindingState.RETIRED and current.shut:
                return self._changed(caller, current.reopened(now))
            active = moved(current, BindingState.ACTIVE, now)
            refuse_equal(current, found)
            replaced = [each for each in found if each.id == current.replaces and each.guards]
            retired = [each.in_state(BindingState.RETIRED, now) for each in replaced]
            return self._changed(caller, active, retired)

        return self._store.change(binding.environment, binding.org, decide)

    def _replace(self, caller: Caller, binding: Binding, change: Callable[[Binding, int], Binding]) -> Binding:
        """Apply `change` to the binding as it is at the time of the write, and store the result."""

        def decide(found: Sequence[Binding], now: int) -> BindingChange:
            return self._changed(caller, change(of_id(found, binding.id), now))

        return self._store.change(binding.environment, binding.org, decide)

    def _changed(self, caller: Caller, binding: Binding, others: Sequence[Binding] = ()) -> BindingChange:
        return BindingChange(binding, self._event(Action.BINDING_CHANGED, binding, caller), others)

    def _event(self, action: Action, binding: Binding, caller: Caller) -> Event:
        return Event(
            action=action,
            environment=binding.environment,
            org=binding.org,
            origin=caller.origin,
            target=uuid_text(binding.id),
            provider=self._catalog.event_name(binding.provider),
            detail=binding.state.name.lower(),
        )

    def _verification_event(self, binding: Binding, result: Verification, origin: Origin) -> Event:
        return Event(
            action=Action.BYOK_VERIFIED,
            environment=binding.environment,
            org=binding.org,
            origin=origin,
            target=uuid_text(binding.id),
            provider=self._catalog.event_name(binding.provider),
            detail="verified" if result.verified else "failed",
            reason=" ".join(result.codes),
        )
