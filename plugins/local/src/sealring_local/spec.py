"""The entry point of the local provider."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sealring_plugin import ConfigField, ConfigInvalid, ConfigValue, Provider, ProviderSpec

NAME = "local"


def build(config: Mapping[str, ConfigValue]) -> Provider:
    from sealring_local.root import read_root  # noqa: PLC0415  a spec loads without importing cryptography
    from sealring_local.wrap import LocalProvider  # noqa: PLC0415

    return LocalProvider(read_root(_root_key_file(config)))


def initialise(config: Mapping[str, ConfigValue]) -> str:
    from sealring_local.root import create_root, read_root  # noqa: PLC0415

    path = _root_key_file(config)
    if path.exists():
        read_root(path)
        return f"root key {path} (kept as it is)"
    create_root(path)
    return f"root key {path} (back it up: without it every managed key is lost)"


def _root_key_file(config: Mapping[str, ConfigValue]) -> Path:
    path = config["root_key_file"]
    if not isinstance(path, Path):
        raise ConfigInvalid("root_key_file must be a path")
    return path


SPEC = ProviderSpec(
    name=NAME,
    config=(
        ConfigField(
            "root_key_file", Path, "the file that `sealring init` made, readable by its owner only", required=True
        ),
    ),
    build=build,
    waits=False,  # it waits for nothing but the processor
    suggest=lambda _folder: {"root_key_file": Path("root.key")},
    initialise=initialise,
)
