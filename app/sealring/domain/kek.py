"""Key-encrypting keys (KEKs): what each is for, and where its provider finds each of its versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property
from typing import Self

from sealring.domain.context import KeyContext
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.owners import owner_bytes
from sealring.domain.wire import Reader, lp16


@dataclass(frozen=True)
class KekScope:
    """What a managed KEK is for. Never shared between organizations, even if the context is the same."""

    environment: EnvironmentId
    org: OrgId
    context: KeyContext

    @cached_property
    def encoded(self) -> bytes:
        return self.owner(self.environment, self.org) + lp16(self.context.canonical)

    @staticmethod
    def owner(environment: EnvironmentId, org: OrgId) -> bytes:
        """The prefix of the scopes of one organization's KEKs, and of no other's."""
        return owner_bytes(environment, org)

    @staticmethod
    def parse_owner(encoded: bytes) -> tuple[EnvironmentId, OrgId]:
        """Return the environment and organization of an encoded scope, which must be authentic."""
        reader = Reader(encoded)
        return EnvironmentId(reader.lp16().decode()), OrgId(reader.lp16().decode())


@dataclass(frozen=True, slots=True)
class Bound:
    """What a binding adds to a KEK: the provider's options, and which pairs the key's owner may see."""

    options: tuple[tuple[str, str], ...]
    show: tuple[str, ...]


class KekState(IntEnum):
    ACTIVE = 1  # wraps and unwraps
    DECRYPT_ONLY = 2  # unwraps what it wrapped
    DESTROYED = 3  # gone for good; the record keeps its number and dates


@dataclass(frozen=True, slots=True)
class Kek:
    """One version of a key-encrypting key. `material` belongs to the provider, and is opaque to us.

    A managed one names the root key that guards it: the domain, and the epoch in it.
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
    created_at: int = 0  # microseconds; 0: a customer's key, which its owner created


@dataclass(frozen=True, slots=True)
class KekRecord:
    """A KEK in all its versions, by number. Its id, scope and owner never change."""

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
        """The version that wraps; None if no version is active."""
        return next((each for each in self.versions if each.state is KekState.ACTIVE), None)

    def of_version(self, number: int) -> Kek | None:
        return next((each for each in self.versions if each.version == number), None)


class Sealed(Enum):
    """What a wrap makes readable, as the counts tell it apart."""

    VERSION = "a version of an object"
    DATA_KEY = "a data key that leaves the server"
    KEYRING_KEY = "a DEK of a keyring"


@dataclass(frozen=True, slots=True)
class KekUse:
    """What one write or response adds to the counts of a KEK's version."""

    kek_id: bytes
    version: int
    wraps: int  # only under managed KEKs: the owner of a customer's key counts them
    data_keys: int
    versions: int = 0  # this and the next only under customers' keys
    keyring_keys: int = 0

    @classmethod
    def of_binding(cls, kek_id: bytes, version: int, sealed: Sealed) -> Self:
        return cls(
            kek_id,
            version,
            wraps=0,
            data_keys=int(sealed is Sealed.DATA_KEY),
            versions=int(sealed is Sealed.VERSION),
            keyring_keys=int(sealed is Sealed.KEYRING_KEY),
        )
