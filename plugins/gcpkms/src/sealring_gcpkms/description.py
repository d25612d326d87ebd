"""Google's description of a key (CryptoKey and CryptoKeyVersion, REST v1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sealring_gcpkms.key import CryptoKey
from sealring_plugin import KeyDescription, KeyState

PURPOSE = "ENCRYPT_DECRYPT"
ALGORITHM = "GOOGLE_SYMMETRIC_ENCRYPTION"
LABEL = "vault-org"  # a label of the key in which its owner names the organization that may use it

# CryptoKeyVersionState. All other states, e.g. of a version whose generation failed, count as disabled.
STATES: Mapping[str, KeyState] = {
    "ENABLED": KeyState.ENABLED,
    "DISABLED": KeyState.DISABLED,
    "DESTROY_SCHEDULED": KeyState.PENDING_DELETION,
    "PENDING_EXTERNAL_DESTRUCTION": KeyState.PENDING_DELETION,
    "DESTROYED": KeyState.DESTROYED,
    "EXTERNAL_DESTRUCTION_FAILED": KeyState.DESTROYED,
}

_DURATION = re.compile(r"([0-9]{1,12})(?:\.[0-9]{1,9})?s")  # google.protobuf.Duration


@dataclass(frozen=True, slots=True)
class Described:
    """A description. `version` is the number of the primary version; 0: there is none, and the key cannot encrypt."""

    version: int
    state: KeyState
    destroy_time: str
    purpose: str
    algorithm: str
    protection: str
    imported: bool
    rotates: bool
    deletion_window_s: int
    label: str | None

    @classmethod
    def of(cls, key: CryptoKey, document: Mapping[str, Any]) -> Self:
        primary = document.get("primary") or {}
        template = document.get("versionTemplate") or {}
        window = _DURATION.fullmatch(str(document.get("destroyScheduledDuration", "")))
        return cls(
            version=key.version_of(primary.get("name")) or 0,
            state=STATES.get(str(primary.get("state")), KeyState.DISABLED),
            destroy_time=str(primary.get("destroyTime", "")),
            purpose=str(document.get("purpose", "")),
            algorithm=str(primary.get("algorithm") or template.get("algorithm", "")),
            protection=str(primary.get("protectionLevel") or template.get("protectionLevel", "")).lower(),
            imported=bool(primary.get("importJob") or document.get("importOnly")),
            rotates="rotationPeriod" in document,
            deletion_window_s=int(window[1]) if window else 0,
            label=(document.get("labels") or {}).get(LABEL),
        )

    def told(self, key: CryptoKey) -> KeyDescription:
        versions = (str(self.version),) if self.version else ()
        return KeyDescription(self.state, versions, self.algorithm, key.location, self.protection)
