"""Rules for bindings: allowed state changes and conflicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sealring.domain.binding import Binding, BindingState
from sealring.domain.context import ORGANIZATION_KEYS
from sealring.errors import BindingConflict, InvalidBody, NotFound

_ORGANIZATION = frozenset(name.lower() for name in ORGANIZATION_KEYS)

_TRANSITIONS: Mapping[BindingState, frozenset[BindingState]] = {  # to a state, from any of these
    BindingState.ACTIVE: frozenset({BindingState.PENDING, BindingState.SUSPENDED}),
    BindingState.SUSPENDED: frozenset({BindingState.ACTIVE, BindingState.SUSPENDED}),
    BindingState.RETIRED: frozenset({BindingState.PENDING, BindingState.ACTIVE, BindingState.SUSPENDED}),
}


def refuse_other_case(show: Sequence[str]) -> None:
    """Raises InvalidBody for the organization's pair in another case: a KMS that ignores case would confuse the two."""
    if any(name.lower() in _ORGANIZATION and name not in ORGANIZATION_KEYS for name in show):
        wrong = "the name of the organization's pair cannot be shown in another case."
        raise InvalidBody(f"show_context: {wrong}", (("show_context", wrong),))


def refuse_changed(current: Binding, seen: Binding) -> None:
    """Raises BindingConflict if the binding is not the one that was verified: it may have been suspended since."""
    if current.updated_at != seen.updated_at:
        raise BindingConflict("The binding changed while its key was checked. Try again.")


def moved(current: Binding, state: BindingState, now: int) -> Binding:
    """Return the binding in `state` since `now`, in microseconds. Raises BindingConflict if that is not allowed."""
    if current.state not in _TRANSITIONS[state]:
        raise BindingConflict(f"The binding is {current.state.name.lower()}: it cannot become {state.name.lower()}.")
    return current.in_state(state, now)


def refuse_equal(binding: Binding, found: Sequence[Binding]) -> None:
    for each in found:
        if each.guards and each.match == binding.match and each.id not in {binding.id, binding.replaces}:
            raise BindingConflict("An active binding has the same match. Name it as `replaces`, or retire it first.")


def of_id(found: Sequence[Binding], binding_id: bytes) -> Binding:
    for each in found:
        if each.id == binding_id:
            return each
    raise NotFound("Binding")


def works(binding: Binding) -> bool:
    return binding.verification is not None and binding.verification.verified
