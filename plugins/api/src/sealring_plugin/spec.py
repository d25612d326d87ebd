"""What a plugin offers at its entry point: its name, its settings, and how to build a provider.

A distribution that offers managed keys and customers' keys registers two entry points with two names: two specs, with
settings and credentials of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sealring_plugin.errors import ConfigInvalid
from sealring_plugin.protocols import CustomersKeys, ManagedKeys
from sealring_plugin.values import CustomersKey, ManagedKey

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
class ProviderCommand:
    """A command of the provider's own, run as `sealring <provider> <name>`.

    `run` gets the provider's settings and the command's options, both checked, and yields lines to print.
    """

    name: str
    help: str
    run: Callable[[Mapping[str, ConfigValue], Mapping[str, ConfigValue]], Iterator[str]]
    options: tuple[ConfigField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """What the specs of all kinds have. Loading one imports no SDK and touches nothing; its functions may do both.

    `name` is 2-32 of `[a-z0-9-]`, starting with a letter: it is stored in every envelope and can never change. `waits`
    says whether calls may wait for something outside the process, always or with certain settings: they then run under
    a deadline in threads of their own, which costs some 50 microseconds a call.
    """

    name: str
    config: tuple[ConfigField, ...]
    waits: bool | Callable[[Mapping[str, ConfigValue]], bool] = True
    commands: tuple[ProviderCommand, ...] = ()
    api_version: int = API_VERSION

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"not a provider name: {self.name!r}")

    def waits_with(self, config: Mapping[str, ConfigValue]) -> bool:
        return self.waits if isinstance(self.waits, bool) else self.waits(config)

    def parse_config(self, table: Mapping[str, object], base: Path) -> Mapping[str, ConfigValue]:
        """Check a settings table. Raises ConfigInvalid for an unknown, missing or mistyped name; quotes no value."""
        return parse_fields(self.config, table, base)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedSpec(ProviderSpec):
    """Of a provider that keeps keys of ours.

    `max_wraps` is how many wraps one version of a key may make, e.g. 2**32 where nonces of 96 bits are random (NIST SP
    800-38D 8.3); None where there is no limit. `suggest` returns settings for a new installation in a folder, or None
    where this machine lacks what the provider needs. `initialise` makes what it needs before its first use and returns
    a line that says what it made; it runs on `sealring init` and `sealring dev` alone, and never replaces anything.
    Where the keys lie in a KMS, `check_key` raises ConfigInvalid for one that the settings do not name: the store names
    keys too, and whoever can write to it must not choose one.
    """

    build: Callable[[Mapping[str, ConfigValue]], ManagedKeys]
    max_wraps: int | None
    suggest: Callable[[Path], Mapping[str, ConfigValue] | None] | None = None
    initialise: Callable[[Mapping[str, ConfigValue]], str] | None = None
    check_key: Callable[[Mapping[str, ConfigValue], ManagedKey], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomersSpec(ProviderSpec):
    """Of a provider of keys that exist already, and that customers bind.

    `bound_as` is what events call it, e.g. AWS_KMS. `key_options` are the options that a binding may have. `check_key`
    raises ConfigInvalid for a key id, or options, that can never be right: both come from the key's owner, and nothing
    is called with what it refuses.
    """

    build: Callable[[Mapping[str, ConfigValue]], CustomersKeys]
    bound_as: str
    key_options: tuple[ConfigField, ...] = ()
    check_key: Callable[[Mapping[str, ConfigValue], CustomersKey], None] | None = None


def parse_fields(fields: tuple[ConfigField, ...], table: Mapping[str, object], base: Path) -> Mapping[str, ConfigValue]:
    """Return the checked values of a table. Raises ConfigInvalid as `ProviderSpec.parse_config` does."""
    unknown = sorted(table.keys() - {field.name for field in fields})
    if unknown:
        known = ", ".join(field.name for field in fields) or "none"
        raise ConfigInvalid(f"unknown setting {unknown[0]!r}; known are: {known}")
    return {field.name: value for field in fields if (value := _checked(field, table, base)) is not None}


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
