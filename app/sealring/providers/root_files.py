"""The file of a plugin's root keys, for plugins whose file can be kept sealed."""

from __future__ import annotations

from pathlib import Path

from sealring.domain.root_seal import MAX_CONTENT_BYTES, Root, RootEpoch
from sealring.errors import SettingsInvalid
from sealring.providers.failures import settled
from sealring.providers.plugins import Loaded, of_kind, place_of
from sealring_plugin import ConfigInvalid, ManagedSpec, RootName, read_private


def root_of(loaded: Loaded[ManagedSpec], content: bytes) -> Root:
    """Return the root keys in the content of a plugin's file. Raises SettingsInvalid if it is damaged."""
    file, name = loaded.spec.root_file, loaded.spec.name
    if file is None or not 1 <= len(content) <= MAX_CONTENT_BYTES:
        raise SettingsInvalid(f"{place_of(loaded.spec)} has no file of root keys that can be sealed")
    found = settled(place_of(loaded.spec), lambda: list(file.roots(content)))
    if not found or not all(isinstance(each, RootName) for each in found):
        raise SettingsInvalid(f"{place_of(loaded.spec)} names no roots; tell the plugin's author")
    return Root(name, content, tuple(sorted(RootEpoch(each.domain, each.epoch) for each in found)))


def fresh_root(loaded: Loaded[ManagedSpec]) -> Root:
    """Return new root keys. Raises SettingsInvalid."""
    file = loaded.spec.root_file
    if file is None:
        raise SettingsInvalid(f"{place_of(loaded.spec)} has no file of root keys that can be sealed")
    return root_of(loaded, settled(place_of(loaded.spec), lambda: of_kind(bytes, file.fresh())))


def root_path(loaded: Loaded[ManagedSpec]) -> Path | None:
    """Return the path of the file of root keys in clear, if the settings name one."""
    file = loaded.spec.root_file
    found = None if file is None else loaded.config.get(file.setting)
    return found if isinstance(found, Path) else None


def read_root(loaded: Loaded[ManagedSpec], path: Path) -> Root:
    """Return the root keys of a file in clear. Raises SettingsInvalid if it is missing, open to others, or damaged."""
    try:
        return root_of(loaded, read_private(path, "the root key file"))
    except ConfigInvalid as error:
        raise SettingsInvalid(f"{place_of(loaded.spec)} {error}") from error
