"""What a plugin offers at its entry point: its name, its settings, and how to build a provider."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sealring_plugin.errors import ConfigInvalid
from sealring_plugin.protocols import Provider

API_VERSION = 1
ENTRY_POINT_GROUP = "sealring.kms.v1"

_NAME = re.compile(r"[a-z][a-z0-9-]{1,31}")

ConfigValue = str | int | bool | Path


@dataclass(frozen=True, slots=True)
class ConfigField:
    """One setting of a provider. A `Path` may be given relative to the settings file; secrets are never shown."""

    name: str
    kind: type[str | int | bool | Path]
    help: str
    default: ConfigValue | None = None
    required: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """Loading a spec imports no SDK and touches nothing; `build` and `initialise` may do both.

    `initialise` makes what the provider needs before its first use and returns a line that says what it made. It runs
    on `sealring init` alone, and never replaces anything.

    `name` is 2-32 of `[a-z0-9-]`, starting with a letter: it is stored in every envelope and can never change.
    """

    name: str
    config: tuple[ConfigField, ...]
    build: Callable[[Mapping[str, ConfigValue]], Provider]
    initialise: Callable[[Mapping[str, ConfigValue]], str] | None = None
    api_version: int = API_VERSION

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"not a provider name: {self.name!r}")

    def parse_config(self, table: Mapping[str, object], base: Path) -> Mapping[str, ConfigValue]:
        """Check a settings table. Raises ConfigInvalid for an unknown, missing or mistyped name; quotes no value."""
        unknown = sorted(table.keys() - {field.name for field in self.config})
        if unknown:
            known = ", ".join(field.name for field in self.config) or "none"
            raise ConfigInvalid(f"unknown setting {unknown[0]!r}; known are: {known}")
        return {field.name: value for field in self.config if (value := _checked(field, table, base)) is not None}


def _checked(field: ConfigField, table: Mapping[str, object], base: Path) -> ConfigValue | None:
    if field.name not in table:
        if field.required:
            raise ConfigInvalid(f"{field.name} is missing: {field.help}")
        return field.default
    value = table[field.name]
    expected = str if field.kind is Path else field.kind
    if type(value) is not expected:
        raise ConfigInvalid(f"{field.name} must be of type {expected.__name__}: {field.help}")
    return base / value if field.kind is Path and isinstance(value, str) else value
