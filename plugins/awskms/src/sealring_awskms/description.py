"""What DescribeKey says of a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sealring_plugin import KeyDescription, KeyState, Unavailable

# KMS Developer Guide, "Key states of AWS KMS keys". A key in any other state cannot be used now.
_STATES = {
    "Enabled": KeyState.ENABLED,
    "Updating": KeyState.ENABLED,
    "PendingDeletion": KeyState.PENDING_DELETION,
    "PendingReplicaDeletion": KeyState.PENDING_DELETION,
}
_PROTECTION = {"AWS_KMS": "hsm", "EXTERNAL": "hsm, imported", "AWS_CLOUDHSM": "cloudhsm"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """Words of AWS, empty where it does not say them. `deleted_at`, `expires_at`: when the key, its material, ends."""

    state: str
    usage: str
    spec: str
    origin: str
    material: str
    multi_region: bool
    deleted_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        told = answer.get("KeyMetadata")
        if not isinstance(told, Mapping):
            raise Unavailable("KMS described nothing")
        return cls(
            state=str(told.get("KeyState", "")),
            usage=str(told.get("KeyUsage", "")),
            spec=str(told.get("KeySpec", "")),
            origin=str(told.get("Origin", "")),
            material=str(told.get("CurrentKeyMaterialId", "")),
            multi_region=told.get("MultiRegion") is True,
            deleted_at=_time(told.get("DeletionDate")),
            expires_at=_time(told.get("ValidTo")),
        )

    @property
    def key_state(self) -> KeyState:
        return _STATES.get(self.state, KeyState.DISABLED)

    @property
    def deletion(self) -> str | None:
        """When the key is deleted, as RFC 3339."""
        return self.deleted_at.isoformat() if self.deleted_at else None

    def description(self, region: str) -> KeyDescription:
        return KeyDescription(
            state=self.key_state,
            versions=(self.material,) if self.material else (),
            algorithm=self.spec,
            region=region,
            protection=_PROTECTION.get(self.origin, "external"),
        )


def _time(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
