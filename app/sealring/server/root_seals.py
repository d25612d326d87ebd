"""The seals of an installation: files beside the settings, any of which opens the root keys.

A file belongs to one content of the root keys. Only those of the content that was sealed last are opened: an older file
that was put back does not bring back a root key that has been destroyed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sealring.crypto.root_seal import RecoveryKey
from sealring.domain.root_seal import RECOVERY, Root, RootSeal, SealHead
from sealring.errors import (
    IntegrityFailure,
    KeyDeadlineExceeded,
    KeyThrottled,
    KeyUnavailable,
    SealringError,
    SettingsInvalid,
)
from sealring.keys.sealed_root import Opener, seal, unseal
from sealring.providers.failures import for_the_operator
from sealring.providers.plugins import Plugins
from sealring.providers.root_files import fresh_root, read_root, root_of, root_path
from sealring.providers.seals import Seal
from sealring.server.trust_files import read_guarded, write_guarded
from sealring.settings import Settings

MODE = 0o600
WHAT_TO_DO = "restore the access to one of them, or start with `sealring serve --recovery-key`"

_TEMPORARY = (KeyUnavailable, KeyDeadlineExceeded, KeyThrottled)
_NOT_TRIED = KeyUnavailable("", "operator")
_UNFIT = "it was altered, or was sealed by another key than the one that the settings name"


@dataclass(frozen=True, slots=True)
class SealFile:
    """A seal's file, and what prevents its use, if anything does."""

    name: str
    path: Path
    seal: RootSeal | None
    trouble: str = ""

    def __str__(self) -> str:
        if self.seal is None:
            return f"seal {self.name}"
        head = self.seal.head
        epochs = ", ".join(map(str, head.epochs))
        return f"seal {self.name}: by {head.sealed_by}, root {head.root_id.hex()} ({epochs}), sealing {head.generation}"


@dataclass(frozen=True, slots=True)
class StaysSealed:
    """Why no seal opened, and whether a later attempt may succeed."""

    why: str
    may_pass: bool

    def error(self) -> SettingsInvalid:
        return SettingsInvalid(f"the root keys stay sealed: {self.why}; {WHAT_TO_DO}")


class RootSeals:
    """The seals that the settings name, and that of the recovery key. Reads the files once."""

    def __init__(self, settings: Settings, plugins: Plugins) -> None:
        self._settings = settings
        self._loaded = plugins.sealed()
        self._folder = settings.sealing.folder
        self._failures: dict[str, SealringError] = {}  # of the last attempt, by the names of seals

    @cached_property
    def seals(self) -> tuple[Seal, ...]:
        """The seals of the settings. Raises SettingsInvalid."""
        base = self._settings.path.absolute().parent
        return tuple(Seal.of(each.name, each.provider, each.members, base) for each in self._settings.sealing.seals)

    @cached_property
    def files(self) -> tuple[SealFile, ...]:
        """The file of each seal of the settings, and that of the recovery key if there is one."""
        named = [*((each.name, each.provider) for each in self._settings.sealing.seals), (RECOVERY, RECOVERY)]
        found = [self._read(name, provider) for name, provider in named]
        newest = max((each.seal.head for each in found if each.seal), key=lambda head: head.generation, default=None)
        return tuple(_judged(each, newest) for each in found if each.name != RECOVERY or each.seal or each.trouble)

    @property
    def head(self) -> SealHead | None:
        """What the newest seals say of the root keys; None if there is no seal yet."""
        return next((each.seal.head for each in self.files if each.seal and not each.trouble), None)

    @property
    def has_recovery(self) -> bool:
        return self._path(RECOVERY).exists()

    @property
    def clear_file(self) -> Path | None:
        """The file of root keys in clear, if it is there."""
        path = root_path(self._loaded)
        return path if path is not None and path.exists() else None

    def holds(self, root: Root) -> bool:
        """Whether these are the root keys that the seals contain."""
        return self.head is not None and self.head.is_of(root)

    def attempt(self) -> Root | StaysSealed:
        """Try each seal that did not fail for good before. Raises SettingsInvalid for unusable settings of a seal."""
        files = {each.name: each for each in self.files}
        for each in self.seals:
            if not isinstance(self._failures.get(each.name, _NOT_TRIED), _TEMPORARY):
                continue  # a wrong PIN, sent again and again, would lock a token
            try:
                return self._opened(files[each.name], each)
            except SealringError as failure:
                self._failures[each.name] = failure
        why = [f"seal {each.name} ({each.provider}): {_text(self._failures[each.name])}" for each in self.seals]
        may_pass = any(isinstance(failure, _TEMPORARY) for failure in self._failures.values())
        return StaysSealed("; ".join(why), may_pass)

    def open(self) -> Root:
        """Raises SettingsInvalid if no seal opens."""
        found = self.attempt()
        if isinstance(found, StaysSealed):
            raise found.error()
        return found

    def report(self) -> Iterator[str]:
        """Try each seal, and yield a line for each, and one for a file of root keys in clear."""
        by: dict[str, Opener] = {each.name: each for each in self.seals}
        for file in self.files:
            try:
                self._readable(file) if file.name == RECOVERY else self._opened(file, by[file.name])
            except SealringError as failure:
                yield f"root      warning: seal {file.name}: {_text(failure)}"
            else:
                yield f"root      ok: {file}"
        if self.clear_file is not None:
            yield (
                f"root      warning: {self.clear_file} has root keys in clear beside their seals: remove it, after "
                "you have put a copy where no server is"
            )

    def open_with(self, key: RecoveryKey) -> Root:
        """Open the seal of the recovery key. Raises SettingsInvalid."""
        file = next((each for each in self.files if each.name == RECOVERY), None)
        if file is None:
            raise SettingsInvalid(f"there is no {self._path(RECOVERY)}: no recovery key was made, or its seal was lost")
        try:
            return self._opened(file, key)
        except IntegrityFailure as failure:
            raise SettingsInvalid(
                f"the recovery key does not open {file.path}: the shares are of another key, or the file was altered"
            ) from failure

    def in_clear(self) -> Root:
        """Return the root keys of the file in clear. Raises SettingsInvalid."""
        path = root_path(self._loaded)
        if path is None:
            raise SettingsInvalid("the settings name no file of root keys")
        return read_root(self._loaded, path)

    def fresh(self) -> Root:
        return fresh_root(self._loaded)

    def make(self, root: Root) -> Iterator[str]:
        """Seal the root keys by each seal of the settings, and yield a line for each.

        No file is replaced before all seals are made, and each file is replaced as a whole. A crash leaves seals of the
        same root keys beside each other, or older ones, which are not used. Raises SettingsInvalid; KeyFailure.
        """
        generation = self._next_generation()
        made: list[tuple[Seal, RootSeal]] = []
        for each in self.seals:
            if not self._path(each.name).exists() and (line := each.initialise()) is not None:
                yield line
            try:
                made.append((each, seal(root, each, each.provider, generation)))
            except SealringError as failure:
                raise SettingsInvalid(f"seal {each.name} ({each.provider}): {_text(failure)}") from failure
        for each, sealed in made:
            write_guarded(self._path(each.name), sealed.encode(), MODE)
            yield f"seal {self._path(each.name)} by {each.provider}"

    def make_recovery(self, root: Root, key: RecoveryKey) -> Path:
        """Seal the root keys by the recovery key, in the place of an earlier one. Raises SettingsInvalid."""
        generation = max(1, self._next_generation() - 1)  # beside the seals of the same root keys
        write_guarded(self._path(RECOVERY), seal(root, key, RECOVERY, generation).encode(), MODE)
        return self._path(RECOVERY)

    def initialise(self) -> Iterator[str]:
        """Make and seal the root keys of a new installation, unless there are seals. Raises SettingsInvalid."""
        if self.head is not None:
            yield f"seals of the root keys in {self._folder} (kept as they are)"
            return
        for each in self.files:
            if each.path.exists():
                raise SettingsInvalid(f"seal {each.name}: {each.trouble}; `sealring init` replaces no seal")
        yield from self.make(self.in_clear() if self.clear_file else self.fresh())

    def reseal(self) -> Iterator[str]:
        """Seal the root keys again by each seal of the settings, from a seal that opens or the file in clear."""
        if self.head is None and self.clear_file is not None and not any(each.path.exists() for each in self.files):
            yield from self.make(self.in_clear())
            yield f"{self.clear_file} is not needed any more: put a copy where no server is, and remove it"
        else:
            yield from self.make(self.open())

    def _readable(self, file: SealFile) -> RootSeal:
        if file.seal is None or file.trouble:
            raise SettingsInvalid(file.trouble)
        return file.seal

    def _opened(self, file: SealFile, by: Opener) -> Root:
        root = unseal(self._readable(file), by)
        if root != root_of(self._loaded, root.content):
            raise SettingsInvalid("its head names other root keys than it contains")
        return root

    def _next_generation(self) -> int:
        return 1 + max((each.seal.head.generation for each in self.files if each.seal), default=0)

    def _path(self, name: str) -> Path:
        return self._folder / f"root-seal-{name}"

    def _read(self, name: str, provider: str) -> SealFile:
        path = self._path(name)
        try:
            text = read_guarded(path, "seal")
            sealed = None if text is None else RootSeal.parse(text)
        except SettingsInvalid as error:
            return SealFile(name, path, None, str(error))
        except ValueError:
            return SealFile(name, path, None, f"{path} is damaged, or of another version of sealring")
        if sealed is None:
            missing = "" if name == RECOVERY else f"there is no {path}: make it with `sealring root reseal`"
            return SealFile(name, path, None, missing)
        head, wanted = sealed.head, (self._loaded.spec.name, provider)
        if (head.provider, head.sealed_by) != wanted:
            made = f"{path} has the root keys of '{head.provider}', sealed by '{head.sealed_by}'"
            return SealFile(name, path, sealed, f"{made}; the settings name '{wanted[0]}' and '{wanted[1]}'")
        return SealFile(name, path, sealed)


def _judged(file: SealFile, newest: SealHead | None) -> SealFile:
    """Refuse a seal of other root keys than those that were sealed last."""
    if file.seal is None or file.trouble or newest is None or file.seal.head.root_id == newest.root_id:
        return file
    remedy = "`sealring root recovery-key`" if file.name == RECOVERY else "`sealring root reseal`"
    why = f"{file.path} is of other root keys than those that were sealed last: make it again with {remedy}"
    return SealFile(file.name, file.path, file.seal, why)


def _text(failure: SealringError) -> str:
    return _UNFIT if isinstance(failure, IntegrityFailure) else for_the_operator(failure)
