"""Key-encrypting keys as we know them: what one is for, and where its provider finds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from sealring.domain.context import KeyContext
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.wire import lp16


@dataclass(frozen=True)
class KekScope:
    """What a managed KEK is for. Never shared between organizations, even where the context is the same."""

    environment: EnvironmentId
    org: OrgId
    context: KeyContext

    @cached_property
    def encoded(self) -> bytes:
        return self.owner(self.environment, self.org) + lp16(self.context.canonical)

    @staticmethod
    def owner(environment: EnvironmentId, org: OrgId) -> bytes:
        """What the scopes of one organization's KEKs begin with, and no other's."""
        return lp16(environment.encode()) + lp16(org.encode())


@dataclass(frozen=True, slots=True)
class Bound:
    """What an organization said of a key of its own: the provider's options, and which pairs its owner may see."""

    options: tuple[tuple[str, str], ...]
    show: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kek:
    """One key-encrypting key. `material` is the provider's own, opaque to us.

    A managed one names the root that guards it: the domain, and the epoch in it.
    """

    kek_id: bytes  # 16 bytes, ours
    version: int
    provider: str
    provider_key_id: str
    scope: bytes  # KekScope.encoded
    material: bytes = field(repr=False)
    bound: Bound | None = None  # None: managed by us
    root_domain: str = ""
    root_epoch: int = 0
