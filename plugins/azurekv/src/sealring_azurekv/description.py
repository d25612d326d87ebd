"""What a vault tells of a key: a KeyBundle of its REST API, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sealring_azurekv.key import Target
from sealring_plugin import KeyDescription, KeyDisabled, KeyState, Unavailable, Unsupported

RSA_TYPES = frozenset({"RSA", "RSA-HSM"})
AES_TYPE = "oct-HSM"

# Of keys that the vault tells nothing of but that they cannot be used.
DISABLED = KeyDescription(KeyState.DISABLED)
PENDING_DELETION = KeyDescription(KeyState.PENDING_DELETION)


@dataclass(frozen=True, slots=True)
class KeyBundle:
    """Times are in seconds since 1970; None where the vault does not say.

    learn.microsoft.com/azure/key-vault/keys/about-keys-details#key-attributes
    """

    version: str
    type: str
    bits: int | None
    operations: frozenset[str]
    enabled: bool
    not_before: int | None
    expires: int | None
    exportable: bool
    managed: bool
    recovery_level: str
    recoverable_days: int | None
    tags: Mapping[str, str]

    @classmethod
    def parse(cls, body: Mapping[str, Any], target: Target) -> Self:
        """Raises Unavailable where it is no bundle of this key."""
        key, attributes, tags = (_table(body.get(name)) for name in ("key", "attributes", "tags"))
        version = target.version_of(str(key.get("kid")))
        if version is None:
            raise Unavailable("the vault described another key than it was asked for")
        operations = key.get("key_ops")
        return cls(
            version=version,
            type=str(key.get("kty")),
            bits=_bits(key.get("n")),
            operations=frozenset(map(str, operations)) if isinstance(operations, list) else frozenset(),
            enabled=attributes.get("enabled") is not False,
            not_before=_seconds(attributes.get("nbf")),
            expires=_seconds(attributes.get("exp")),
            exportable=attributes.get("exportable") is True,
            managed=body.get("managed") is True,
            recovery_level=str(attributes.get("recoveryLevel") or ""),
            recoverable_days=_seconds(attributes.get("recoverableDays")),
            tags={str(name): str(value) for name, value in tags.items()},
        )

    @property
    def is_rsa(self) -> bool:
        return self.type in RSA_TYPES

    def expect_usable(self, now: float) -> None:
        """Raises what wrapping has to fail with: the vault itself need not refuse to wrap with a disabled RSA key."""
        if not self.enabled:
            raise KeyDisabled("the key is disabled")
        if self.expires is not None and now >= self.expires:
            raise KeyDisabled("the key has expired")
        if self.not_before is not None and now < self.not_before:
            raise KeyDisabled("the key is not yet valid")
        if not self.is_rsa and self.type != AES_TYPE:
            raise Unsupported("the key is neither RSA nor oct-HSM")

    def description(self, now: float) -> KeyDescription:
        in_time = (self.not_before or 0) <= now and (self.expires is None or now < self.expires)
        return KeyDescription(
            state=KeyState.ENABLED if self.enabled and in_time else KeyState.DISABLED,
            versions=(self.version,),
            algorithm=f"{self.type} {self.bits}" if self.bits else self.type,
            protection="hsm" if self.type.endswith("-HSM") else "software",
        )


def rfc3339(seconds: object) -> str | None:
    moment = _seconds(seconds)
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def _table(part: object) -> Mapping[str, Any]:
    return part if isinstance(part, dict) else {}


def _seconds(number: object) -> int | None:
    """Return a number of the vault's, up to the year 9999."""
    return number if type(number) is int and 0 <= number < 253_402_300_800 else None


def _bits(modulus: object) -> int | None:
    """Return the size of an RSA key by its modulus, a base64url text whose first byte is not zero."""
    return len(modulus) * 6 // 8 * 8 if isinstance(modulus, str) and modulus else None
