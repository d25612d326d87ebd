"""The entry point of the gcpkms provider."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_gcpkms.config import FIELDS, GcpConfig
from sealring_gcpkms.key import EXAMPLE, KEY_OPTIONS, Target, read_key
from sealring_plugin import ConfigInvalid, ConfigValue, CustomersKey, CustomersKeys, CustomersSpec, WrongRegion


def build(config: Mapping[str, ConfigValue]) -> CustomersKeys:
    """Return a provider that does not connect until it is used. Raises ConfigInvalid."""
    from sealring_gcpkms.wrap import GcpProvider  # noqa: PLC0415  a spec loads without importing google-auth

    return GcpProvider(GcpConfig.of(config))


def check_key(config: Mapping[str, ConfigValue], key: CustomersKey) -> None:
    """Raises ConfigInvalid if the key id or an option can never be right."""
    try:
        Target.of(GcpConfig.of(config), key)
    except WrongRegion as error:
        raise ConfigInvalid(str(error)) from None


SPEC = CustomersSpec(
    name="gcpkms",
    config=FIELDS,
    build=build,
    bound_as="GCP_KMS",
    key_options=KEY_OPTIONS,
    check_key=check_key,
    title="Google Cloud KMS",
    key_example=EXAMPLE,
    read_key=read_key,
)
