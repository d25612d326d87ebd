"""The entry point of the master keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sealring_plugin import ConfigField, ConfigInvalid, ConfigValue, ManagedKeys, ManagedSpec, ProviderCommand

NAME = "masterkey"


def build(config: Mapping[str, ConfigValue]) -> ManagedKeys:
    from sealring_masterkey.keys import read_master_keys  # noqa: PLC0415  a spec loads without importing cryptography
    from sealring_masterkey.wrap import MasterKeyProvider  # noqa: PLC0415

    path = config["master_keys_file"]
    if not isinstance(path, Path):
        raise ConfigInvalid("master_keys_file must be a path")
    return MasterKeyProvider(read_master_keys(path))


def _new_key(_config: Mapping[str, ConfigValue], _options: Mapping[str, ConfigValue]) -> Iterator[str]:
    from sealring_masterkey.keys import new_line  # noqa: PLC0415

    yield new_line()


SPEC = ManagedSpec(
    name=NAME,
    config=(
        ConfigField(
            "master_keys_file",
            Path,
            "a file with master keys in base64, one a line, the current one first, readable only by its owner",
            required=True,
        ),
    ),
    build=build,
    max_wraps=None,  # it wraps only the DEKs of keyrings: far fewer than 2**32 (NIST SP 800-38D 8.3)
    waits=False,  # it only computes
    commands=(ProviderCommand("new-key", "Print a new master key: a line for the file, which is a secret.", _new_key),),
)
