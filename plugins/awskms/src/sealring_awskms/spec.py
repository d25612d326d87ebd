"""The entry point of the awskms provider."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_awskms.config import FIELDS, AwsConfig
from sealring_awskms.key import EXAMPLE, KEY_OPTIONS, Key, read_key
from sealring_plugin import ConfigInvalid, ConfigValue, CustomersKey, CustomersKeys, CustomersSpec, WrongRegion

NAME = "awskms"


def build(config: Mapping[str, ConfigValue]) -> CustomersKeys:
    """Return a provider that connects on its first use. Raises ConfigInvalid."""
    from sealring_awskms.wrap import AwsKmsProvider, ReEncryptingProvider  # noqa: PLC0415  a spec imports no SDK

    checked = AwsConfig.of(config)
    return ReEncryptingProvider(checked) if checked.reencrypt else AwsKmsProvider(checked)


def check_key(config: Mapping[str, ConfigValue], key: CustomersKey) -> None:
    try:
        Key.of(AwsConfig.of(config), key)
    except WrongRegion as wrong:
        raise ConfigInvalid(str(wrong)) from None


SPEC = CustomersSpec(
    name=NAME,
    config=FIELDS,
    build=build,
    bound_as="AWS_KMS",
    key_options=KEY_OPTIONS,
    check_key=check_key,
    title="AWS Key Management Service",
    key_example=EXAMPLE,
    read_key=read_key,
)
