"""Settings are checked and explained, and secret ones are never quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from sealring_plugin.conformance.cases import Key, Provider, works
from sealring_plugin.conformance.subject import Promises, not_claimed
from sealring_plugin.conformance.texts import caught, texts_of
from sealring_plugin.errors import ConfigInvalid, ProviderError
from sealring_plugin.spec import ConfigField, ConfigValue, ManagedSpec

NAME = re.compile(r"[a-z][a-z0-9_]*")
COMMAND = re.compile(r"[a-z][a-z0-9-]*")
CANARY = "kit-canary-9f3a61"
MISTYPED: tuple[object, ...] = (None, 7, 0.5, True, CANARY, [CANARY], {"text": CANARY}, b"bytes")


class Settings(Promises):
    """Which settings `ProviderSpec.parse_config` accepts, and what `build` does with settings that it cannot use."""

    def test_the_settings_of_the_author_are_taken(self, folder: Path) -> None:
        self.spec.parse_config(self.settings(), folder)

    def test_an_unknown_setting_is_refused(self, folder: Path) -> None:
        with pytest.raises(ConfigInvalid):
            self.spec.parse_config({**self.settings(), "kit_no_such_setting": CANARY}, folder)

    def test_a_missing_setting_is_refused(self, folder: Path) -> None:
        for field in self.spec.config:
            if field.required:
                rest = {name: value for name, value in self.settings().items() if name != field.name}
                with pytest.raises(ConfigInvalid, match=field.name):
                    self.spec.parse_config(rest, folder)

    def test_a_mistyped_setting_is_refused(self, folder: Path) -> None:
        for field, table in self._mistyped():
            with pytest.raises(ConfigInvalid, match=field.name):
                self.spec.parse_config(table, folder)

    def test_a_refusal_quotes_no_value(self, folder: Path) -> None:
        tables = [table for _, table in self._mistyped()]
        refusals = [caught(lambda: self.spec.parse_config(table, folder)) for table in tables]  # noqa: B023

        assert [error for error in refusals if any(CANARY in text for text in texts_of(error))] == []

    def test_a_secret_setting_is_never_quoted(self, folder: Path) -> None:
        quoted = []
        for field in self.spec.config:
            if field.secret and field.kind is str:
                shown = self._shown_by_building({**self.settings(), field.name: CANARY}, folder)
                quoted += [field.name] if CANARY in shown else []

        assert quoted == []

    def test_a_text_or_path_that_leads_nowhere_is_no_fault(self, folder: Path) -> None:
        for field in self.spec.config:
            if field.kind in (str, Path):
                for value in ("", f"no/such/{CANARY}"):
                    config = self.spec.parse_config({**self.settings(), field.name: value}, folder)
                    with suppress(ProviderError):
                        self.spec.build(config).close()

    def test_every_setting_is_explained(self) -> None:
        fields = [*self.spec.config, *(option for command in self.spec.commands for option in command.options)]

        assert [field.name for field in fields if not NAME.fullmatch(field.name)] == []
        assert [field.name for field in fields if not field.help.strip() or "\n" in field.help] == []

    def test_a_setting_is_listed_once(self) -> None:
        names = [field.name for field in self.spec.config]

        assert sorted(set(names)) == sorted(names)

    def test_a_default_is_of_the_type_of_its_setting(self) -> None:
        wrong = [each.name for each in self.spec.config if each.default is not None and not fits(each, each.default)]

        assert wrong == []

    def test_what_is_required_or_secret_has_no_default(self) -> None:
        guarded = [field for field in self.spec.config if field.required or field.secret]

        assert [field.name for field in guarded if field.default is not None] == []

    def test_commands_are_plainly_named_and_explained(self) -> None:
        names = [command.name for command in self.spec.commands]

        assert [name for name in names if not COMMAND.fullmatch(name)] == []
        assert sorted(set(names)) == sorted(names)
        assert [command.name for command in self.spec.commands if not command.help.strip()] == []

    def test_what_is_suggested_fits_the_settings(self, tmp_path: Path) -> None:
        suggested = self._suggest(tmp_path)
        kinds = {field.name: field for field in self.spec.config}

        assert suggested is None or isinstance(suggested, Mapping)
        assert [name for name, value in (suggested or {}).items() if not fits(kinds[name], value)] == []

    def test_suggesting_makes_nothing(self, tmp_path: Path) -> None:
        self._suggest(tmp_path)

        assert list(tmp_path.iterdir()) == []

    def test_initialising_again_replaces_nothing(self, provider: Provider, key: Key, folder: Path) -> None:
        if not isinstance(self.spec, ManagedSpec) or self.spec.initialise is None:
            not_claimed("initialise")
        before = files(folder)

        said = self.spec.initialise(self.spec.parse_config(self.settings(), folder))

        assert files(folder) == before
        assert works(provider, key)
        assert said.strip()
        assert "\n" not in said

    def _suggest(self, folder: Path) -> Mapping[str, ConfigValue] | None:
        if not isinstance(self.spec, ManagedSpec) or self.spec.suggest is None:
            not_claimed("suggest")
        return self.spec.suggest(folder)

    def _mistyped(self) -> Iterator[tuple[ConfigField, Mapping[str, object]]]:
        for field in self.spec.config:
            expected = str if field.kind is Path else field.kind
            for value in MISTYPED:
                if type(value) is not expected:
                    yield field, {**self.settings(), field.name: value}

    def _shown_by_building(self, table: Mapping[str, object], folder: Path) -> str:
        try:
            built = self.spec.build(self.spec.parse_config(table, folder))
        except Exception as error:  # noqa: BLE001  its class is not tested here, only its text
            return "".join(texts_of(error))
        shown = f"{built!r} {built}"
        built.close()
        return shown


def fits(field: ConfigField, value: object) -> bool:
    return isinstance(value, Path) if field.kind is Path else type(value) is field.kind


def files(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
