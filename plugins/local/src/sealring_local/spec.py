"""The entry point of the local provider."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from sealring_plugin import ConfigField, ConfigInvalid, ConfigValue, ManagedKeys, ManagedSpec, RootFile, RootName

NAME = "local"

_SEALED = "the sealed file of root keys"


def build(config: Mapping[str, ConfigValue]) -> ManagedKeys:
    from sealring_local.roots import read_roots  # noqa: PLC0415  a spec loads without importing cryptography
    from sealring_local.wrap import LocalProvider  # noqa: PLC0415

    return LocalProvider(read_roots(_root_key_file(config)))


def initialise(config: Mapping[str, ConfigValue]) -> str:
    from sealring_local.roots import create_roots, read_roots  # noqa: PLC0415

    path = _root_key_file(config)
    if path.exists():
        read_roots(path)
        return f"root keys {path} (kept as they are)"
    create_roots(path)
    return f"root keys {path} (back it up: without it every managed key is lost)"


def build_unsealed(config: Mapping[str, ConfigValue], content: bytes) -> ManagedKeys:  # noqa: ARG001  it names a file
    from sealring_local.roots import roots_in  # noqa: PLC0415
    from sealring_local.wrap import LocalProvider  # noqa: PLC0415

    return LocalProvider(roots_in(content, _SEALED))


def fresh_content() -> bytes:
    from sealring_local.roots import Roots  # noqa: PLC0415

    return Roots.fresh().encode().encode("ascii")


def root_names(content: bytes) -> Collection[RootName]:
    from sealring_local.roots import roots_in  # noqa: PLC0415

    return roots_in(content, _SEALED).keys.keys()


def _root_key_file(config: Mapping[str, ConfigValue]) -> Path:
    path = config["root_key_file"]
    if not isinstance(path, Path):
        raise ConfigInvalid("root_key_file must be a path")
    return path


SPEC = ManagedSpec(
    name=NAME,
    config=(
        ConfigField(
            "root_key_file", Path, "the file that `sealring init` made, readable only by its owner", required=True
        ),
    ),
    build=build,
    max_wraps=None,  # sealring_local/wrap.py says why
    waits=False,  # it only computes
    suggest=lambda _folder: {"root_key_file": Path("root.key")},
    initialise=initialise,
    root_file=RootFile(setting="root_key_file", fresh=fresh_content, roots=root_names, build=build_unsealed),
)
