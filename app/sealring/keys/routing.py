"""Routing: which keys guard a context. A pure function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sealring.domain.binding import Binding, matching
from sealring.domain.codec import MAX_WRAPS
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.kek import KekScope
from sealring.errors import KeyMisconfigured


class ManagedKeks(Enum):
    """How many managed KEKs a context has."""

    COMBINATION = "combination"  # one for each unique combination of pairs
    ITEMS = "items"  # one for each pair, all of them needed


@dataclass(frozen=True, slots=True)
class KeyRoute:
    """The KEKs that wrap a DEK, and whether one or all of them are needed to open it: bound ones, or managed ones."""

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
    """Every binding that matches wraps, one that is suspended included; managed keys only where none matches.

    Each owner of a key can then revoke alone. One wrap is enough only where every matching binding asks for that.
    Raises KeyMisconfigured where more match than an envelope has room for.
    """
    bound = matching(bindings, context)
    if len(bound) > MAX_WRAPS:
        raise KeyMisconfigured(f"More than {MAX_WRAPS} bindings match the key context. Retire some of them.")
    if bound:
        any_is_enough = all(each.combine is Combine.ANY for each in bound)
        return KeyRoute(Combine.ANY if any_is_enough or len(bound) == 1 else Combine.ALL, bindings=bound)
    contexts = (context,) if managed is ManagedKeks.COMBINATION else context.items()
    scopes = tuple(KekScope(environment, org, each) for each in contexts)
    return KeyRoute(Combine.ALL if len(scopes) > 1 else Combine.ANY, scopes)
