"""1. The registry finds installed plugins: entry points, by the names that the settings list, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from sealring.errors import SettingsInvalid
from sealring.providers.failures import settled
from sealring_plugin import (
    API_VERSION,
    ENTRY_POINT_GROUP,
    SEAL_ENTRY_POINT_GROUP,
    ConfigField,
    CustomersSpec,
    ManagedSpec,
    ProviderCommand,
    ProviderSpec,
    SealSpec,
)


def installed(group: str = ENTRY_POINT_GROUP) -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed plugins, without importing them."""
    return tuple(sorted(entry_points(group=group), key=lambda each: each.name))


def load(names: Iterable[str]) -> Mapping[str, ManagedSpec | CustomersSpec]:
    """Import the named plugins. Raises SettingsInvalid if one is absent, duplicate, broken or for another API."""
    return {name: _load_one(name) for name in names}


def load_seal(name: str, place: str) -> SealSpec:
    """Import a provider that seals the root. Raises SettingsInvalid as `load` does; `place` is for the message."""
    spec = _checked(name, place, SEAL_ENTRY_POINT_GROUP, (SealSpec,))
    assert isinstance(spec, SealSpec)
    return spec


def _load_one(name: str) -> ManagedSpec | CustomersSpec:
    spec = _checked(name, f"[plugins.{name}]", ENTRY_POINT_GROUP, (ManagedSpec, CustomersSpec))
    assert isinstance(spec, ManagedSpec | CustomersSpec)
    return spec


def _checked(name: str, place: str, group: str, kinds: tuple[type[ProviderSpec], ...]) -> ProviderSpec:
    found = [each for each in installed(group) if each.name == name]
    if not found:
        known = ", ".join(each.name for each in installed(group)) or "none"
        raise SettingsInvalid(f"{place}: no such plugin is installed; installed are: {known}")
    if len(found) > 1:
        packages = ", ".join(each.value for each in found)
        raise SettingsInvalid(f"{place}: two plugins have this name ({packages}); uninstall one")
    spec = settled(place, found[0].load)
    if not isinstance(spec, kinds) or spec.name != name:
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise SettingsInvalid(f"{place}: its entry point is not a {wanted} of that name")
    if not _are_all(spec.config, ConfigField) or not _are_all(spec.commands, ProviderCommand):
        raise SettingsInvalid(f"{place}: its spec lists malformed settings or commands; tell its author")
    if spec.api_version != API_VERSION:
        raise SettingsInvalid(
            f"{place}: it is for plugin API {spec.api_version}, not {API_VERSION}; install a matching version"
        )
    return spec


def _are_all(found: object, kind: type) -> bool:
    return isinstance(found, tuple) and all(isinstance(each, kind) for each in found)
