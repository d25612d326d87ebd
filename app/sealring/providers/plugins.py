"""2. The loaded plugins: their specs, and the settings of each.

A spec is code of a plugin, as its provider is. All calls of specs are made here, which catches every exception and
checks every result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Generic, Self, TypeVar

from sealring.domain.root_seal import Root
from sealring.errors import PluginFault, SettingsInvalid
from sealring.providers.failures import settled
from sealring.providers.instances import ManagedSource, Source
from sealring_plugin import (
    ConfigInvalid,
    ConfigValue,
    CustomersKeys,
    CustomersSpec,
    ManagedKey,
    ManagedKeys,
    ManagedSpec,
    ProviderCommand,
    ProviderSpec,
    parse_fields,
)

S = TypeVar("S", ManagedSpec, CustomersSpec)
T = TypeVar("T")

Config = Mapping[str, ConfigValue]
Table = Mapping[str, object]

_END = object()


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A spec, and its checked settings."""

    spec: S
    config: Config = field(repr=False)  # it may hold secrets
    is_sealed: bool = False  # the file of its root keys is: it may only be built from the unsealed `root`
    root: Root | None = None

    @classmethod
    def of(cls, spec: S, table: Table, base: Path) -> Self:
        """Raises SettingsInvalid."""
        return cls(spec, settled(place_of(spec), lambda: checked_config(spec.parse_config(table, base))))

    def waits(self) -> bool:
        """Raises SettingsInvalid."""
        return settled(place_of(self.spec), lambda: of_kind(bool, self.spec.waits_with(self.config)))

    def run(self, command: ProviderCommand, options: Table) -> Iterator[str]:
        """Run a command of the plugin, and yield the lines that it prints. Raises SettingsInvalid."""
        place = place_of(self.spec)
        checked = settled(place, lambda: parse_fields(command.options, options, Path.cwd()))
        lines = settled(place, lambda: iter(command.run(self.config, checked)))
        while (line := settled(place, lambda: next(lines, _END))) is not _END:
            yield settled(place, partial(of_kind, str, line))


@dataclass(frozen=True, slots=True)
class Plugins:
    """The plugins that the settings name, by kind and name."""

    managed: Mapping[str, Loaded[ManagedSpec]]
    customers: Mapping[str, Loaded[CustomersSpec]]

    @classmethod
    def of(cls, specs: Mapping[str, ManagedSpec | CustomersSpec], tables: Mapping[str, Table], base: Path) -> Self:
        """Check the settings of each. Raises SettingsInvalid."""
        managed: dict[str, Loaded[ManagedSpec]] = {}
        customers: dict[str, Loaded[CustomersSpec]] = {}
        for name, spec in specs.items():
            if isinstance(spec, ManagedSpec):
                managed[name] = Loaded.of(spec, tables[name], base)
            else:
                customers[name] = Loaded.of(spec, tables[name], base)
        return cls(managed, customers)

    def __iter__(self) -> Iterator[Loaded[ManagedSpec] | Loaded[CustomersSpec]]:
        yield from self.managed.values()
        yield from self.customers.values()

    def get(self, name: str) -> Loaded[ManagedSpec] | Loaded[CustomersSpec] | None:
        return self.managed.get(name) or self.customers.get(name)

    def sealed(self) -> Loaded[ManagedSpec]:
        """Return the plugin whose root keys are sealed. Raises SettingsInvalid unless there is exactly one."""
        found = [each for each in self.managed.values() if each.spec.root_file is not None]
        if len(found) != 1:
            raise SettingsInvalid(
                "[seal] seals the root keys of exactly one provider of managed keys that keeps them in a file, e.g. "
                f"'local'; [keys] names {len(found)} of them"
            )
        return found[0]

    @property
    def root(self) -> Root | None:
        """The unsealed root keys; None if none were sealed, or they were not opened."""
        return next((each.root for each in self.managed.values() if each.root is not None), None)

    def keeping_sealed(self) -> Self:
        """Let the plugin whose root keys are sealed read no file from now on. Raises SettingsInvalid."""
        return self._with(replace(self.sealed(), is_sealed=True))

    def unsealed(self, root: Root) -> Self:
        """Give the unsealed root keys to their plugin. Raises SettingsInvalid."""
        loaded = self.sealed()
        if loaded.spec.name != root.provider:
            raise SettingsInvalid(f"the sealed root keys belong to '{root.provider}', which [keys] does not name")
        return self._with(replace(loaded, is_sealed=True, root=root))

    def _with(self, loaded: Loaded[ManagedSpec]) -> Self:
        return replace(self, managed={**self.managed, loaded.spec.name: loaded})

    def require_managed(self, names: tuple[str, ...], master: str | None = None) -> None:
        """Raises SettingsInvalid unless exactly these, and that of keyrings' `master` keys, keep keys of ours."""
        if master is not None and master not in self.managed:
            raise SettingsInvalid(
                f"[keyrings] master_keys names '{master}', but there is no such plugin of keys of ours"
            )
        for name in names:
            if name in self.customers:
                raise SettingsInvalid(f"[keys] '{name}' is a provider of customers' keys; it cannot keep managed keys")
        for name in self.managed:
            if name not in names and name != master:
                raise SettingsInvalid(
                    f"[plugins.{name}] keeps keys of ours, but neither [keys] nor master_keys of [keyrings] names it: "
                    "list it in managed_readable if keys of this installation were made with it, or remove it"
                )


def managed_source(loaded: Loaded[ManagedSpec]) -> ManagedSource:
    """Raises SettingsInvalid."""
    spec, config = loaded.spec, loaded.config
    check = spec.check_key

    def build() -> ManagedKeys:
        built = _built(loaded)
        if not isinstance(built, ManagedKeys):
            raise PluginFault("a provider of another kind")
        return built

    def check_key(key: ManagedKey) -> None:
        if check is not None:
            check(config, key)

    return ManagedSource(build, loaded.waits(), check_key=check_key, max_wraps=spec.max_wraps)


def _built(loaded: Loaded[ManagedSpec]) -> ManagedKeys:
    spec, root = loaded.spec, loaded.root
    if not loaded.is_sealed:
        return spec.build(loaded.config)
    if root is None or spec.root_file is None:  # never the file in clear, which may lie there still
        raise ConfigInvalid("the root keys are sealed, and were not opened")
    return spec.root_file.build(loaded.config, root.content)


def customers_source(loaded: Loaded[CustomersSpec]) -> Source[CustomersKeys]:
    """Raises SettingsInvalid."""
    spec, config = loaded.spec, loaded.config

    def build() -> CustomersKeys:
        built = spec.build(config)
        if not isinstance(built, CustomersKeys):
            raise PluginFault("a provider of another kind")
        return built

    return Source(build, loaded.waits())


def initialise(loaded: Loaded[ManagedSpec]) -> str | None:
    """Let a plugin create what it needs; return its line that names what it created. Raises SettingsInvalid."""
    make = loaded.spec.initialise
    return None if make is None else settled(place_of(loaded.spec), lambda: of_kind(str, make(loaded.config)))


def suggested(spec: ManagedSpec, folder: Path) -> Config | None:
    """Return settings for a new installation; None if this machine lacks what they need. Raises SettingsInvalid."""
    suggest = spec.suggest
    if suggest is None:
        return None

    def ask() -> Config | None:
        found: object = suggest(folder)
        return None if found is None else checked_config(found)

    return settled(place_of(spec), ask)


def place_of(spec: ProviderSpec) -> str:
    """Return the table of a plugin's settings, for messages."""
    return f"[plugins.{spec.name}]"


def checked_config(found: object) -> Config:
    """Raises PluginFault for anything but settings."""
    if not isinstance(found, Mapping):
        raise PluginFault("malformed settings")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, str | int | Path):
            raise PluginFault("malformed settings")
    return found


def of_kind(kind: type[T], found: object) -> T:
    """Raises PluginFault for a value of another type."""
    if not isinstance(found, kind):
        raise PluginFault(f"a {type(found).__name__} instead of a {kind.__name__}")
    return found
