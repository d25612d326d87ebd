"""Routing: which keys guard a context. A pure function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from sealring.domain.binding import Binding, matching
from sealring.domain.codec import MAX_WRAPS
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.kek import KekScope
from sealring.errors import KeyDisabled, KeyMisconfigured


class ManagedKeks(Enum):
    """How many managed KEKs a context has."""

    COMBINATION = "combination"  # one for each unique combination of pairs
    ITEMS = "items"  # one for each pair; all of them are needed to unwrap


@dataclass(frozen=True, slots=True)
class KeyRoute:
    """The KEKs that wrap a DEK, all bound or all managed; `combine` says if one or all of them are needed to unwrap."""

    combine: Combine
    scopes: tuple[KekScope, ...] = ()
    bindings: tuple[Binding, ...] = ()


def route(
    environment: EnvironmentId,
    org: OrgId,
    context: KeyContext,
    managed: ManagedKeks,
    bindings: Sequence[Binding] = (),
) -> KeyRoute:
    """Return the keys of every matching binding, suspended ones included; the managed keys only if none matches.

    Each owner of a key can then revoke access without the others. One wrap is enough to unwrap only if every matching
    binding asks for that. Raises KeyMisconfigured if more bindings match than an envelope can hold.
    """
    bound = matching(bindings, context)
    if len(bound) > MAX_WRAPS:
        raise KeyMisconfigured(f"More than {MAX_WRAPS} bindings match the key context. Retire some of them.")
    if bound:
        any_is_enough = all(each.combine is Combine.ANY for each in bound)
        return KeyRoute(Combine.ANY if any_is_enough or len(bound) == 1 else Combine.ALL, bindings=bound)
    managed_route = _cached_route if context.is_short else _managed_route
    return managed_route(environment, org, context, managed)


def refuse_shut(*bindings: Binding) -> None:
    """Raises KeyDisabled if one of the bindings is suspended: what it guards is neither opened nor sealed."""
    if any(each.shut for each in bindings):
        raise KeyDisabled("The key's binding is suspended. Activate it to use the key again.")


def _managed_route(environment: EnvironmentId, org: OrgId, context: KeyContext, managed: ManagedKeks) -> KeyRoute:
    contexts = (context,) if managed is ManagedKeks.COMBINATION else context.items()
    scopes = tuple(KekScope(environment, org, each) for each in contexts)
    return KeyRoute(Combine.ALL if len(scopes) > 1 else Combine.ANY, scopes)


_cached_route = lru_cache(1000)(_managed_route)  # with the encoded scopes that each keeps
