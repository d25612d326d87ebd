"""The entry point of the azurekv provider."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_azurekv.config import FIELDS, AzureConfig
from sealring_azurekv.key import EXAMPLE, KEY_OPTIONS, Target, read_key
from sealring_plugin import ConfigValue, CustomersKey, CustomersKeys, CustomersSpec

NAME = "azurekv"


def build(config: Mapping[str, ConfigValue]) -> CustomersKeys:
    """Return a provider that connects on its first use. Raises ConfigInvalid, also where the credential is unusable."""
    from sealring_azurekv.wrap import AzureProvider  # noqa: PLC0415  a spec loads without importing cryptography

    return AzureProvider(AzureConfig.of(config))


def check_key(config: Mapping[str, ConfigValue], key: CustomersKey) -> None:
    checked = AzureConfig.of(config)
    target = Target.of(key, checked.cloud)
    checked.vault_egress.check(target.endpoint.host, target.endpoint.port)


SPEC = CustomersSpec(
    name=NAME,
    config=FIELDS,
    build=build,
    bound_as="AZURE_KEY_VAULT",
    key_options=KEY_OPTIONS,
    check_key=check_key,
    title="Azure Key Vault",
    key_example=EXAMPLE,
    read_key=read_key,
)
