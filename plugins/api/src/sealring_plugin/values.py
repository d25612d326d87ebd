"""The values that sealring and a key provider exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEK_BYTES = 32
MAX_WRAPPED_BYTES = 8192

KEEP = "keep"  # the domain of roots that wrap what must never be erased: store keys, backup keys
DATA = "data"  # the domain of roots that wrap the keys of organizations


class Purpose(StrEnum):
    """Why a key is used; for the log of a provider."""

    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"
    STORE = "store"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class RootName:
    """The root that wraps a managed key. `domain` is KEEP or DATA; `epoch` counts the roots of a domain, from 1."""

    domain: str
    epoch: int


@dataclass(frozen=True, slots=True)
class ManagedKey:
    """One version of our own key-encrypting key: of a context, of the store, of a backup.

    `scope` says what the key is for: environment, organization and context, canonically encoded, at most 8 KiB.
    `material` is what the provider returned when it made the key, at most 8 KiB. sealring stores it, and does not
    interpret it. A provider that returns material has to authenticate it together with all other fields.
    """

    provider: str
    key_id: str
    version: int
    scope: bytes
    root: RootName
    material: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class CustomersKey:
    """A customer's key-encrypting key, which exists already and which a binding names.

    `scope` says which organization's binding names it, canonically encoded. `options` are the options of the binding,
    checked by the spec's `key_options` and sorted by name.
    """

    provider: str
    key_id: str
    version: int
    scope: bytes = b""
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str:
        """Return an option, or an empty text if the binding does not have it."""
        return next((value for key, value in self.options if key == name), "")


@dataclass(frozen=True, slots=True)
class WrapContext:
    """What a wrapped key is bound to. The key's owner may see `pairs`; `aad` is opaque, about 70 bytes."""

    pairs: Mapping[str, str] = field(repr=False)
    aad: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """The deadline, tenant and purpose of one call. `deadline` is in seconds of time.monotonic().

    `tenant_id` is the organization, and `environment_id` its environment: an organization with the same id in another
    environment is another tenant. Both are empty if the call is not for a tenant.
    """

    deadline: float
    request_id: str
    tenant_id: str
    purpose: Purpose
    environment_id: str = ""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A wrapped DEK. `alg` is the provider's name of the algorithm, 1-32 of `[a-z0-9-]`; `blob` is at most 8 KiB."""

    alg: str
    blob: bytes = field(repr=False)


class KeyState(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"
    PENDING_DELETION = "pending_deletion"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """What a provider knows of a key. A text is empty if the provider does not know it."""

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
    """A problem of a key or of our access to it. `code` is stable, of `[a-z0-9_]`; `advice` says what to do."""

    code: str
    severity: Severity
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Screen:
    """What a console shows at a step, for a schematic drawing: the place, fields with what to choose, the button."""

    place: str
    fields: tuple[tuple[str, str], ...] = ()
    button: str = ""


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A step in the console of a KMS, in a sentence or two."""

    text: str
    screen: Screen | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """The same as some steps for a tool, as text to copy: commands, or a file of Terraform, for example."""

    tool: str
    text: str


@dataclass(frozen=True, slots=True)
class SetupPart:
    """One part of the setup, for a page of its own. `paste` is what its steps say to paste, if not the whole policy."""

    steps: tuple[SetupStep, ...] = ()
    recipes: tuple[Recipe, ...] = ()
    paste: str = ""


@dataclass(frozen=True, slots=True)
class PolicyNote:
    """What a part of the policy is for; `part` is a text that occurs in it."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetupGuide:
    """Instructions for the admin of a key: the steps in order, and the policy text to paste.

    The rest is for the pages of the portal, which show `steps` and `policy` if there is none: how to create the key,
    how to grant access, what each part of the policy is for, and the options of a binding that is made in this way
    (`<...>` in one is for the owner to fill in).
    """

    steps: tuple[str, ...]
    policy: str
    create: SetupPart = SetupPart()
    grant: SetupPart = SetupPart()
    notes: tuple[PolicyNote, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
