"""The entry point of the seal of the root by Google Cloud KMS."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_gcpkms.config import FIELDS
from sealring_plugin import ConfigField, ConfigValue, SealSpec, SealsRoot

_OURS = ("credentials_file", "endpoint", "allowed_hosts", "ca_file")

FIELDS_OF_SEAL = (
    ConfigField("key", str, "the name of a key: projects/*/locations/*/keyRings/*/cryptoKeys/*", required=True),
    *(field for field in FIELDS if field.name in _OURS),
)


def build(config: Mapping[str, ConfigValue]) -> SealsRoot:
    """Return a provider that does not connect until it is used. Raises ConfigInvalid."""
    from sealring_gcpkms.seal import GcpSeal  # noqa: PLC0415  a spec loads without importing google-auth

    return GcpSeal(config)


SEAL = SealSpec(name="gcpkms", config=FIELDS_OF_SEAL, build=build)
