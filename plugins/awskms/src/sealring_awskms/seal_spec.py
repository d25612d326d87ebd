"""The entry point of the seal of the root by AWS KMS."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_awskms.config import FIELDS
from sealring_plugin import ConfigField, ConfigValue, SealSpec, SealsRoot

_OURS = ("access_key_id", "secret_access_key_file", "session_token_file", "allowed_hosts", "ca_file")

FIELDS_OF_SEAL = (
    ConfigField("key", str, "the ARN of a symmetric key: arn:aws:kms:<region>:<account>:key/<id>", required=True),
    ConfigField("endpoint", str, "a private endpoint of KMS, one of allowed_hosts: https://host[:port]", default=""),
    *(field for field in FIELDS if field.name in _OURS),
)


def build(config: Mapping[str, ConfigValue]) -> SealsRoot:
    """Return a provider that connects on its first use. Raises ConfigInvalid."""
    from sealring_awskms.seal import AwsKmsSeal  # noqa: PLC0415  a spec imports no SDK

    return AwsKmsSeal(config)


SEAL = SealSpec(name="awskms", config=FIELDS_OF_SEAL, build=build)
