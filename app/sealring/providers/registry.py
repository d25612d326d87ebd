"""1. The registry finds installed plugins: entry points, by the names that the settings list, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from sealring.errors import SettingsInvalid
from sealring.providers.failures import settled
from sealring_plugin import API_VERSION, ENTRY_POINT_GROUP, ConfigField, CustomersSpec, ManagedSpec, ProviderCommand


def installed() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed plugins, none of them imported."""
    return tuple(sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda each: each.name))


def load(names: Iterable[str]) -> Mapping[str, ManagedSpec | CustomersSpec]:
    """Import the named plugins. Raises SettingsInvalid: absent, found twice, broken, or for another API version."""
    return {name: _load_one(name) for name in names}


def _load_one(name: str) -> ManagedSpec | CustomersSpec:
    found = [each for each in installed() if each.name == name]
    if not found:
        known = ", ".join(each.name for each in installed()) or "none"
        raise SettingsInvalid(f"[plugins.{name}]: no such plugin is installed; installed are: {known}")
    if len(found) > 1:
        packages = ", ".join(each.value for each in found)
        raise SettingsInvalid(f"[plugins.{name}]: two plugins have this name ({packages}); uninstall one")
    spec = settled(name, found[0].load)
    if not isinstance(spec, ManagedSpec | CustomersSpec) or spec.name != name:
        raise SettingsInvalid(f"[plugins.{name}]: its entry point is not a ManagedSpec or CustomersSpec of that name")
    if not _are_all(spec.config, ConfigField) or not _are_all(spec.commands, ProviderCommand):
        raise SettingsInvalid(f"[plugins.{name}]: its spec lists settings or commands that are none; tell its author")
    if spec.api_version != API_VERSION:
        raise SettingsInvalid(
            f"[plugins.{name}]: it is for plugin API {spec.api_version}, not {API_VERSION}; install a fitting version"
        )
    return spec


def _are_all(found: object, kind: type) -> bool:
    return isinstance(found, tuple) and all(isinstance(each, kind) for each in found)
