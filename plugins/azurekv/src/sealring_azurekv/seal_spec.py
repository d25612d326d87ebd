"""The entry point of the seal of the root by Azure Key Vault."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_azurekv.config import FIELDS
from sealring_plugin import ConfigField, ConfigValue, SealSpec, SealsRoot

FIELDS_OF_SEAL = (
    ConfigField("key", str, "the URL of a key, without a version: https://<vault>.../keys/<name>", required=True),
    ConfigField("tenant_id", str, "the UUID of the tenant that the vault is in", required=True),
    ConfigField("endpoint", str, "a private endpoint of the vault, one of allowed_hosts: https://host[:port]"),
    *(field for field in FIELDS if field.name != "principal"),
)


def build(config: Mapping[str, ConfigValue]) -> SealsRoot:
    """Return a provider that connects on its first use. Raises ConfigInvalid, also where the credential is unusable."""
    from sealring_azurekv.seal import AzureSeal  # noqa: PLC0415  a spec loads without importing cryptography

    return AzureSeal(config)


SEAL = SealSpec(name="azurekv", config=FIELDS_OF_SEAL, build=build)
