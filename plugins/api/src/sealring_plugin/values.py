"""The values that cross between sealring and a key provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEK_BYTES = 32
MAX_WRAPPED_BYTES = 8192

KEEP = "keep"  # the domain of roots that guard what no erasure may touch: store keys, backup keys
DATA = "data"  # the domain of roots that guard the keys of organizations


class Purpose(StrEnum):
    """Why a key is used; for a provider's own log."""

    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"
    STORE = "store"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class RootName:
    """Which root guards a managed key. `domain` is KEEP or DATA; `epoch` counts the roots of a domain, from 1."""

    domain: str
    epoch: int


@dataclass(frozen=True, slots=True)
class ManagedKey:
    """One version of a key-encrypting key of ours: of a context, of the store, of a backup.

    `scope` says what the key is for (environment, organization and context, canonically encoded, at most 8 KiB): a
    provider that keeps its keys with us authenticates `material` together with all other fields. `material` is whatever
    that provider returned when it made the key, at most 8 KiB, stored by sealring and never interpreted.
    """

    provider: str
    key_id: str
    version: int
    scope: bytes
    root: RootName
    material: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class CustomersKey:
    """A key-encrypting key of a customer's, which exists already; the customer names it.

    `scope` says whose binding names it, canonically encoded. `options` are those of the binding: checked by the spec's
    `key_options`, sorted by name.
    """

    provider: str
    key_id: str
    version: int
    scope: bytes = b""
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str:
        """Return an option, or an empty text where the binding does not have it."""
        return next((value for key, value in self.options if key == name), "")


@dataclass(frozen=True, slots=True)
class WrapContext:
    """What a wrapped key is bound to. `pairs` may be shown to the key's owner; `aad` is opaque, about 70 bytes."""

    pairs: Mapping[str, str] = field(repr=False)
    aad: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: until when an answer is of use, for whom and why. `deadline` is in seconds of time.monotonic().

    `tenant_id` is the organization, and `environment_id` the environment that it is in: another one may have an
    organization of the same id, which is somebody else. Both are empty where the call is for no tenant.
    """

    deadline: float
    request_id: str
    tenant_id: str
    purpose: Purpose
    environment_id: str = ""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A wrapped DEK. `alg` is the provider's name of how, 1-32 of `[a-z0-9-]`; `blob` is at most 8 KiB."""

    alg: str
    blob: bytes = field(repr=False)


class KeyState(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"
    PENDING_DELETION = "pending_deletion"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """What a provider knows of a key. Empty texts where it does not."""

    state: KeyState
    versions: tuple[str, ...] = ()
    algorithm: str = ""
    region: str = ""
    protection: str = ""  # e.g. "software", "hsm"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a key or our access to it. `code` is stable, of `[a-z0-9_]`; `advice` says what to do."""

    code: str
    severity: Severity
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class SetupGuide:
    """For the admin of a key: what to do, in order, and the policy text to paste."""

    steps: tuple[str, ...]
    policy: str
