"""The promises of a provider that seals the root, as tests that its author runs.

# tests/test_seal.py
from sealring_example.seal_spec import SEAL
from sealring_plugin.conformance import SealConformance

class TestSeal(SealConformance):
    spec = SEAL

    def settings(self):
        return {"endpoint": "http://127.0.0.1:8200", "key": "root"}
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from sealring_plugin.conformance.cases import NO_SUCH_KEY, REJECTED, call
from sealring_plugin.conformance.subject import not_shown
from sealring_plugin.conformance.texts import caught, every_record, notations, texts_of
from sealring_plugin.errors import ConfigInvalid, ProviderError
from sealring_plugin.protocols import SealsRoot
from sealring_plugin.spec import SealSpec
from sealring_plugin.values import MAX_WRAPPED_BYTES

SECRET = hashlib.sha256(b"a secret of the conformance kit").digest()
AAD = b"sealring/v1/root-seal/key" + hashlib.sha256(b"a seal of the conformance kit").digest()


class SealConformance:
    """Subclass it with a name that begins with Test, and set `spec`. Each test is one promise."""

    spec: ClassVar[SealSpec]

    def settings(self) -> Mapping[str, object]:
        """Return the settings of the seal, as a settings file would have them, without `provider`."""
        return {}

    def make_provider(self, folder: Path) -> SealsRoot:
        """Build a provider. `folder` stands for the folder of the settings file; its files stay for later providers."""
        config = self.spec.parse_config(self.settings(), folder)
        if self.spec.initialise is not None:
            self.spec.initialise(config)
        return self.spec.build(config)

    def another_key(self, folder: Path) -> SealsRoot | None:  # noqa: ARG002
        """Return a provider that seals with another key, or None if there is none to show."""
        return None

    @pytest.fixture(scope="class")
    @classmethod
    def sealing_folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("sealring-seal")

    @pytest.fixture
    def sealer(self, sealing_folder: Path) -> Iterator[SealsRoot]:
        with closing(self.make_provider(sealing_folder)) as provider:
            yield provider

    def test_it_is_a_provider_of_seals(self, sealer: SealsRoot) -> None:
        assert isinstance(sealer, SealsRoot)

    @pytest.mark.parametrize("size", [16, 32, 64])
    def test_a_secret_of_16_to_64_bytes_is_sealed_and_opened(self, sealer: SealsRoot, size: int) -> None:
        secret = (SECRET * 2)[:size]

        for each in (secret, bytearray(secret)):
            opened = sealer.open(sealer.seal(each, AAD, call()), AAD, call())

            assert type(opened) is bytearray
            assert opened == secret
            assert each == secret

    def test_a_sealed_secret_can_be_stored_and_does_not_show_the_secret(self, sealer: SealsRoot) -> None:
        sealed = sealer.seal(SECRET, AAD, call())

        assert type(sealed) is bytes
        assert 1 <= len(sealed) <= MAX_WRAPPED_BYTES
        assert SECRET not in sealed

    def test_a_secret_that_the_caller_wipes_is_nobody_elses(self, sealer: SealsRoot) -> None:
        sealed = sealer.seal(SECRET, AAD, call())
        opened = sealer.open(sealed, AAD, call())

        opened[:] = bytes(len(opened))

        assert sealer.open(sealed, AAD, call()) == SECRET

    def test_another_provider_of_the_same_settings_opens_it(self, sealer: SealsRoot, sealing_folder: Path) -> None:
        sealed = sealer.seal(SECRET, AAD, call())

        with closing(self.make_provider(sealing_folder)) as another:
            assert another.open(sealed, AAD, call()) == SECRET

    def test_another_aad_is_rejected(self, sealer: SealsRoot) -> None:
        sealed = sealer.seal(SECRET, AAD, call())

        for other in (AAD[:-1], AAD + b"\0", AAD[:-1] + bytes([AAD[-1] ^ 1]), b""):
            with pytest.raises(REJECTED):
                sealer.open(sealed, other, call())

    def test_an_altered_seal_is_rejected(self, sealer: SealsRoot) -> None:
        sealed = sealer.seal(SECRET, AAD, call())
        places = sorted({*range(0, len(sealed), 7), len(sealed) - 1})
        flipped = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in places]

        for each in (*flipped, sealed[:-1], sealed + b"\0", b""):
            with pytest.raises(NO_SUCH_KEY):
                sealer.open(each, AAD, call())

    def test_a_seal_of_another_key_is_rejected(self, sealer: SealsRoot, sealing_folder: Path) -> None:
        another = self.another_key(sealing_folder)
        if another is None:
            not_shown("another_key")
        with closing(another):
            sealed = another.seal(SECRET, AAD, call())

        with pytest.raises(NO_SUCH_KEY):
            sealer.open(sealed, AAD, call())

    def test_a_deadline_that_has_passed_is_no_fault(self, sealer: SealsRoot) -> None:
        error = caught(lambda: sealer.seal(SECRET, AAD, call(-1)))

        assert error is None or isinstance(error, ProviderError)

    def test_no_secret_is_shown(self, sealer: SealsRoot, capfd: pytest.CaptureFixture[str]) -> None:
        with every_record() as records:
            sealed = sealer.seal(SECRET, AAD, call())
            sealer.open(sealed, AAD, call())
            refused = caught(lambda: sealer.open(sealed, b"", call()))
        marked = [str(self.settings()[field.name]) for field in self.spec.config if self._is_secret(field.name)]
        shown = "\n".join([*records, *texts_of(refused), *capfd.readouterr(), f"{sealer!r} {sealer}"])

        assert [text for text in (*notations(SECRET), *marked) if text in shown] == []

    def test_it_may_be_closed_twice(self, sealer: SealsRoot) -> None:
        sealer.close()
        sealer.close()

    def test_an_unknown_or_missing_setting_is_refused(self, sealing_folder: Path) -> None:
        with pytest.raises(ConfigInvalid):
            self.spec.parse_config({**self.settings(), "kit_no_such_setting": "text"}, sealing_folder)
        for field in self.spec.config:
            if field.required:
                rest = {name: value for name, value in self.settings().items() if name != field.name}
                with pytest.raises(ConfigInvalid, match=field.name):
                    self.spec.parse_config(rest, sealing_folder)

    def _is_secret(self, name: str) -> bool:
        return name in self.settings() and any(field.secret for field in self.spec.config if field.name == name)
