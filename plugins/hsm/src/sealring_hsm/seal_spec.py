"""The entry point of the seal of the root by a PKCS#11 token."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_hsm.config import FIELDS
from sealring_plugin import ConfigField, ConfigValue, SealSpec, SealsRoot

_OURS = ("module", "token_label", "pin_file", "conf_file", "iv_mode", "init_string")

FIELDS_OF_SEAL = (
    ConfigField("key", str, "the label of an AES key on the token, 1-32 characters", default="sealring-seal"),
    *(field for field in FIELDS if field.name in _OURS),
)


def build(config: Mapping[str, ConfigValue]) -> SealsRoot:
    """Return a provider that opens the token on its first use. Raises ConfigInvalid."""
    from sealring_hsm.seal import HsmSeal  # noqa: PLC0415  a spec loads without importing pkcs11

    return HsmSeal(config)


def initialise(config: Mapping[str, ConfigValue]) -> str:
    """Make the key of the seal, if the token does not have it. Raises ProviderError."""
    from sealring_hsm.seal import HsmSeal  # noqa: PLC0415

    return HsmSeal(config).initialise()


SEAL = SealSpec(name="hsm", config=FIELDS_OF_SEAL, build=build, initialise=initialise)
