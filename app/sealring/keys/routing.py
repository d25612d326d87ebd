"""Routing: which keys guard a context. A pure function."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.kek import KekScope


class ManagedKeks(Enum):
    """How many managed KEKs a context has."""

    COMBINATION = "combination"  # one for each unique combination of pairs
    ITEMS = "items"  # one for each pair, all of them needed


@dataclass(frozen=True, slots=True)
class Route:
    """The KEKs that wrap a DEK, and whether one or all of them are needed to open it."""

    combine: Combine
    scopes: tuple[KekScope, ...]


def route(environment: EnvironmentId, org: OrgId, context: KeyContext, managed: ManagedKeks) -> Route:
    contexts = (context,) if managed is ManagedKeks.COMBINATION else context.items()
    scopes = tuple(KekScope(environment, org, each) for each in contexts)
    return Route(Combine.ALL if len(scopes) > 1 else Combine.ANY, scopes)
