"""The spec of a provider, which a plugin offers at its entry point: name, settings, and how to build the provider.

A distribution for both managed keys and customers' keys registers two entry points with two names: two specs, with
separate settings and credentials. The spec of one that seals the root is in another group of entry points, and may have
the same name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sealring_plugin.errors import ConfigInvalid
from sealring_plugin.protocols import CustomersKeys, ManagedKeys, SealsRoot
from sealring_plugin.values import CustomersKey, ManagedKey, RootName

API_VERSION = 1
ENTRY_POINT_GROUP = "sealring.kms.v1"
SEAL_ENTRY_POINT_GROUP = "sealring.seal.v1"

_NAME = re.compile(r"[a-z][a-z0-9-]{1,31}")

ConfigValue = str | int | bool | Path


@dataclass(frozen=True, slots=True)
class ConfigField:
    """One setting of a provider. A `Path` may be relative to the settings file. A secret is never shown.

    `label` is its name for people who never see the settings file, e.g. the owner of a key who fills in a form.
    """

    name: str
    kind: type[str | int | bool | Path]
    help: str
    default: ConfigValue | None = None
    required: bool = False
    secret: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class ProviderCommand:
    """A command of a provider, run as `sealring <provider> <name>`.

    `run` gets the checked settings of the provider and the checked options of the command, and yields lines to print.
    """

    name: str
    help: str
    run: Callable[[Mapping[str, ConfigValue], Mapping[str, ConfigValue]], Iterator[str]]
    options: tuple[ConfigField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """What the specs of all kinds have in common. Loading a spec imports no SDK and does no I/O; its functions may.

    `name` is 2-32 of `[a-z0-9-]`, starting with a letter; it is stored in every envelope and can never change. `waits`
    says whether calls may wait for anything outside of the process, for all settings or for some. Such calls run in
    separate threads with a deadline, which costs about 50 microseconds per call.
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
        """Check a settings table. Raises ConfigInvalid if a name is unknown, missing or mistyped; quotes no value."""
        return parse_fields(self.config, table, base)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFile:
    """The file with a provider's root keys, for a provider whose file sealring can keep sealed.

    `setting` is the setting with the path of the file. `fresh` returns the content for a new installation, at most
    64 KiB, which is not written in clear. `roots` returns the names of the roots in a content, and raises ConfigInvalid
    for a damaged one. `build` builds the provider from a content; it reads no file, and waits for nothing.
    """

    setting: str
    fresh: Callable[[], bytes]
    roots: Callable[[bytes], Collection[RootName]]
    build: Callable[[Mapping[str, ConfigValue], bytes], ManagedKeys]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedSpec(ProviderSpec):
    """The spec of a provider of managed keys, which are our own.

    `max_wraps` is the most wraps of one version of a key, e.g. 2**32 if nonces are 96 random bits (NIST SP 800-38D
    8.3); None if there is no limit. `suggest` returns settings for a new installation in a folder, or None if this
    machine lacks what the provider needs. `initialise` makes what the provider needs before its first use, and returns
    a line that says what it made; only `sealring init` and `sealring dev` call it, and it never replaces anything. If
    the keys are in a KMS, `check_key` raises ConfigInvalid for a key that the settings do not name: the store also
    names keys, and anyone who can write to the store must not be able to choose one. With `root_file`, the file of the
    root keys can be kept sealed: then `build` and `initialise` are not called.
    """

    build: Callable[[Mapping[str, ConfigValue]], ManagedKeys]
    max_wraps: int | None
    suggest: Callable[[Path], Mapping[str, ConfigValue] | None] | None = None
    initialise: Callable[[Mapping[str, ConfigValue]], str] | None = None
    check_key: Callable[[Mapping[str, ConfigValue], ManagedKey], None] | None = None
    root_file: RootFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomersSpec(ProviderSpec):
    """The spec of a provider of customers' keys, which exist already.

    `bound_as` is its name in events, e.g. AWS_KMS. `key_options` are the options that a binding may have. `check_key`
    raises ConfigInvalid if a key id or an option can never be right. Both come from the key's owner, and the provider
    is never called with values that `check_key` refuses.

    `title` is its name for people, and `key_example` an example of a key id; `read_key` returns the key id in a text as
    people copy it from a console, and any other text as it is. All three are for forms.
    """

    build: Callable[[Mapping[str, ConfigValue]], CustomersKeys]
    bound_as: str
    key_options: tuple[ConfigField, ...] = ()
    check_key: Callable[[Mapping[str, ConfigValue], CustomersKey], None] | None = None
    title: str = ""
    key_example: str = ""
    read_key: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealSpec(ProviderSpec):
    """The spec of a provider that seals the root, at an entry point of the group SEAL_ENTRY_POINT_GROUP.

    The settings name its one key and have credentials of their own. `initialise` makes that key if there is none, and
    returns a line that says what it did; only `sealring init` and `sealring root reseal` call it, for a seal that seals
    nothing yet.
    """

    build: Callable[[Mapping[str, ConfigValue]], SealsRoot]
    initialise: Callable[[Mapping[str, ConfigValue]], str] | None = None


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
