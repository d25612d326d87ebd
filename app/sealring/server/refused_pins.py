"""PINs that a token has refused, remembered over restarts: a token locks itself after some wrong ones.

A file of the run folder names no PIN, but which files the seal took it from, as they were: another PIN is tried.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sealring.errors import KeyFailure, SettingsInvalid
from sealring.providers.seals import Seal
from sealring.server.trust_files import read_guarded, write_guarded
from sealring_plugin import PinRefused

FOLDER_MODE = 0o700
MODE = 0o600


@dataclass(frozen=True, slots=True)
class RefusedPins:
    """For the seals of a file of settings."""

    folder: Path
    settings: Path

    @contextmanager
    def minding(self, seal: Seal) -> Iterator[None]:
        """Note a PIN that the block finds refused. Raises SettingsInvalid before the block if it was refused before."""
        path, mark = self.folder / f"refused-pin-{seal.name}", self._mark(seal)
        if _text(path) == mark:
            raise SettingsInvalid(
                "the token has refused this PIN before, and locks itself after some more: write the right one into its "
                f"file, or remove {path} to try it again"
            )
        try:
            yield
        except KeyFailure as failure:
            if isinstance(failure.__cause__, PinRefused):
                self._note(path, mark)
            raise

    def _note(self, path: Path, mark: str) -> None:
        with suppress(OSError, SettingsInvalid):  # the next process tries once more
            self.folder.mkdir(FOLDER_MODE, exist_ok=True)
            write_guarded(path, mark, MODE)

    def _mark(self, seal: Seal) -> str:
        files = [self.settings, *(each for each in seal.config.values() if isinstance(each, Path))]
        return hashlib.sha256(repr([(str(each), *_state(each)) for each in files]).encode()).hexdigest()


def _text(path: Path) -> str | None:
    with suppress(SettingsInvalid):  # it cannot be read
        return read_guarded(path, "mark")
    return None


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
