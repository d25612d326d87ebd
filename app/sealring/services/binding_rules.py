"""The rules of bindings: which state follows which, and what two bindings may not have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sealring.domain.binding import Binding, BindingState
from sealring.domain.context import ORGANIZATION_KEYS
from sealring.errors import BindingConflict, InvalidBody, NotFound

_ORGANIZATION = frozenset(name.lower() for name in ORGANIZATION_KEYS)

_TRANSITIONS: Mapping[BindingState, frozenset[BindingState]] = {  # into a state, from these
    BindingState.ACTIVE: frozenset({BindingState.PENDING, BindingState.SUSPENDED}),
    BindingState.SUSPENDED: frozenset({BindingState.ACTIVE, BindingState.SUSPENDED}),
    BindingState.RETIRED: frozenset({BindingState.PENDING, BindingState.ACTIVE, BindingState.SUSPENDED}),
}


def refuse_other_case(show: Sequence[str]) -> None:
    """A KMS may compare names without regard to case: a pair must not pass for the one that names the organization."""
    if any(name.lower() in _ORGANIZATION and name not in ORGANIZATION_KEYS for name in show):
        wrong = "a name of the organization's pair in another case cannot be shown."
        raise InvalidBody(f"show_context: {wrong}", (("show_context", wrong),))


def refuse_changed(current: Binding, seen: Binding) -> None:
    """What a key was found to be counts for the binding as it was then: it may have been suspended again since."""
    if current.updated_at != seen.updated_at:
        raise BindingConflict("The binding changed while its key was asked. Try again.")


def moved(current: Binding, state: BindingState, now: int) -> Binding:
    """Return the binding in another state, at `now` in microseconds. Raises BindingConflict if it cannot get there."""
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
