"""Key-encrypting keys as we know them: what one is for, and where its provider finds each of its versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

from sealring.domain.context import KeyContext
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.wire import Reader, lp16


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

    @staticmethod
    def parse_owner(encoded: bytes) -> tuple[EnvironmentId, OrgId]:
        """Return whose KEK an encoded scope is of. It has to be authentic."""
        reader = Reader(encoded)
        return EnvironmentId(reader.lp16().decode()), OrgId(reader.lp16().decode())


@dataclass(frozen=True, slots=True)
class Bound:
    """What an organization said of a key of its own: the provider's options, and which pairs its owner may see."""

    options: tuple[tuple[str, str], ...]
    show: tuple[str, ...]


class KekState(IntEnum):
    ACTIVE = 1  # wraps and unwraps
    DECRYPT_ONLY = 2  # unwraps what it wrapped
    DESTROYED = 3  # gone for good: the record keeps its number and dates


@dataclass(frozen=True, slots=True)
class Kek:
    """One key-encrypting key in one version. `material` is the provider's own, opaque to us.

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
    state: KekState = KekState.ACTIVE
    created_at: int = 0  # microseconds; 0: a bound key, which its owner made


@dataclass(frozen=True, slots=True)
class KekRecord:
    """A KEK in all its versions, by number. It keeps its id, its scope and whose it is for life."""

    versions: tuple[Kek, ...]  # one or more, all of one id, scope and binding

    @property
    def kek_id(self) -> bytes:
        return self.versions[0].kek_id

    @property
    def scope(self) -> bytes:
        return self.versions[0].scope

    @property
    def bound(self) -> Bound | None:
        return self.versions[0].bound

    @property
    def active(self) -> Kek | None:
        """The version that wraps; None where all are destroyed."""
        return next((each for each in self.versions if each.state is KekState.ACTIVE), None)

    def of_version(self, number: int) -> Kek | None:
        return next((each for each in self.versions if each.version == number), None)


@dataclass(frozen=True, slots=True)
class KekUse:
    """What one write or answer adds to the counts of a version of a managed KEK."""

    kek_id: bytes
    version: int
    wraps: int
    data_keys: int
