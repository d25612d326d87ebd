"""The entry point of the hsm provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sealring_hsm.config import FIELDS, HsmConfig
from sealring_plugin import ConfigField, ConfigValue, ManagedKeys, ManagedSpec, ProviderCommand

NAME = "hsm"

_SO_PIN_FILE = ConfigField("so_pin_file", Path, "a file with the security officer's PIN")
_DOMAIN = ConfigField("domain", str, "keep or data; without it, a root of each")
_EPOCH = ConfigField("epoch", int, "the epoch of the root", default=1)


def build(config: Mapping[str, ConfigValue]) -> ManagedKeys:
    """Return a provider that opens the token on its first use. Raises ConfigInvalid."""
    from sealring_hsm.wrap import HsmProvider  # noqa: PLC0415  a spec loads without importing pkcs11

    return HsmProvider(HsmConfig.of(config))


def suggest(folder: Path) -> Mapping[str, ConfigValue] | None:  # noqa: ARG001  the paths are relative to it
    """Return settings for a SoftHSM token in a new installation; None if SoftHSM is not installed."""
    from sealring_hsm.softhsm import find_module  # noqa: PLC0415

    module = find_module()
    if module is None:
        return None
    return {
        "module": module,
        "token_label": "sealring",
        "pin_file": Path("hsm/pin"),
        "conf_file": Path("hsm/softhsm2.conf"),
    }


def initialise(config: Mapping[str, ConfigValue]) -> str:
    from sealring_hsm.softhsm import initialise as make_all  # noqa: PLC0415

    return make_all(HsmConfig.of(config))


def _init_token(config: Mapping[str, ConfigValue], options: Mapping[str, ConfigValue]) -> Iterator[str]:
    from sealring_hsm import commands  # noqa: PLC0415

    return commands.init_token(HsmConfig.of(config), options)


def _init_root(config: Mapping[str, ConfigValue], options: Mapping[str, ConfigValue]) -> Iterator[str]:
    from sealring_hsm import commands  # noqa: PLC0415

    return commands.init_root(HsmConfig.of(config), options)


def _probe(config: Mapping[str, ConfigValue], _options: Mapping[str, ConfigValue]) -> Iterator[str]:
    from sealring_hsm import commands  # noqa: PLC0415

    return commands.probe(HsmConfig.of(config))


def _roots(config: Mapping[str, ConfigValue], _options: Mapping[str, ConfigValue]) -> Iterator[str]:
    from sealring_hsm import commands  # noqa: PLC0415

    return commands.roots(HsmConfig.of(config))


def waits(config: Mapping[str, ConfigValue]) -> bool:
    """Only SoftHSM has a conf_file, and computes in this process. Other modules may wait for a device or a network."""
    return "conf_file" not in config


SPEC = ManagedSpec(
    name=NAME,
    config=FIELDS,
    build=build,
    max_wraps=2**32,  # nonces of 96 bits are random: NIST SP 800-38D 8.3
    waits=waits,
    suggest=suggest,
    initialise=initialise,
    commands=(
        ProviderCommand("init-token", "Make a SoftHSM token without roots.", _init_token, (_SO_PIN_FILE,)),
        ProviderCommand("init-root", "Make new root keys.", _init_root, (_SO_PIN_FILE, _DOMAIN, _EPOCH)),
        ProviderCommand("probe", "Try to break the export guard, and measure the speed of the token.", _probe),
        ProviderCommand("roots", "List the root keys, and whether their canaries open.", _roots),
    ),
)
