"""Setups: what the owner of a key needs to know, and to fill in, before the key can be bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sealring.domain.binding import Binding, BindingState
from sealring.domain.context import KeyContext
from sealring.domain.ids import OrgId, uuid_text
from sealring.domain.principal import Caller, Permission
from sealring.errors import BindingConflict, KeyMisconfigured
from sealring.providers.catalog import Catalog, Offer
from sealring.services.bindings import Bindings, NewBinding
from sealring_plugin import SetupGuide


@dataclass(frozen=True, slots=True)
class WantedKey:
    """A key as a person names it. `instead_of` is the id of a pending binding that is dropped for it, or empty."""

    provider: str
    key: str
    options: Mapping[str, object]
    instead_of: str = ""


class Setups:
    """The use cases of people who connect the key of an organization, for all of its contexts. Thread-safe."""

    def __init__(self, catalog: Catalog, bindings: Bindings) -> None:
        self._catalog = catalog
        self._bindings = bindings

    def offers(self, caller: Caller) -> Sequence[Offer]:
        caller.principal.require(Permission.BINDINGS_MANAGE)
        return self._catalog.offers()

    def offer(self, caller: Caller, provider: str) -> Offer:
        """Raises InvalidBody if there is no such provider."""
        caller.principal.require(Permission.BINDINGS_MANAGE)
        return self._catalog.offer(provider)

    def guide(self, caller: Caller, provider: str, org: OrgId) -> SetupGuide | None:
        """Return the provider's guide; None if it has none. Raises KeyFailure."""
        try:
            return self._bindings.setup(caller, provider, org)
        except KeyMisconfigured:
            return None

    def connect(self, caller: Caller, org: OrgId, wanted: WantedKey) -> Binding:
        """Store a pending binding of a key as people paste it, or return the equal one that there is.

        It replaces the key that guards all of the organization now, once it is active.

        Raises what Bindings.create raises; BindingConflict if the key guards the organization already.
        """
        found = self._bindings.list(caller, org)
        current = guard_of_all(found)
        new = NewBinding(
            org=org,
            match=KeyContext((("organization_id", org),)),
            provider=wanted.provider,
            key=self._catalog.read_key(wanted.provider, wanted.key),
            options=wanted.options,
            replaces=None if current is None else uuid_text(current.id),
        )
        binding = self._bindings.checked(caller, new)
        if current is not None and _same_key(current, binding):
            raise BindingConflict("This key is connected already.")
        for each in found:
            if each.state is BindingState.PENDING and _same_key(each, binding) and each.replaces == binding.replaces:
                return each
        made = self._bindings.create(caller, new, activate=False)
        self._drop(caller, found, wanted.instead_of)
        return made

    def _drop(self, caller: Caller, found: Sequence[Binding], text_id: str) -> None:
        for each in found:
            if uuid_text(each.id) == text_id and each.state is BindingState.PENDING:
                self._bindings.delete(caller, text_id)


def guard_of_all(bindings: Sequence[Binding]) -> Binding | None:
    """Return the binding that guards every context of its organization, active or suspended."""
    return next((each for each in bindings if each.guards and not each.match), None)


def _same_key(one: Binding, other: Binding) -> bool:
    return (one.match, one.provider, one.key, one.options) == (other.match, other.provider, other.key, other.options)
