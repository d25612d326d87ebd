"""The seals of an installation: files beside the settings, any of which opens the root keys.

A file belongs to one content of the root keys. An older file that was put back does not bring back a root key that has
been destroyed: it is refused beside a newer one of other root keys. What a file says of itself is proved only when it
opens, so the newest are opened first, and one that was altered refuses no other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from sealring.crypto.root_seal import RecoveryKey
from sealring.domain.root_seal import MAX_GENERATION, RECOVERY, Root, RootSeal, SealHead
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
from sealring.server.refused_pins import RefusedPins
from sealring.server.seal_files import SealFile, read_seal
from sealring.server.trust_files import write_guarded
from sealring.settings import Settings

MODE = 0o600
WHAT_TO_DO = "restore the access to one of them, or start with `sealring serve --recovery-key`"

_TEMPORARY = (KeyUnavailable, KeyDeadlineExceeded, KeyThrottled)
_NOT_TRIED = KeyUnavailable("", "operator")
_UNFIT = "it was altered, or was sealed by another key than the one that the settings name"


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
        self._tables = {each.name: each for each in settings.sealing.seals}
        self._refused_pins = RefusedPins(settings.run_folder, settings.path)
        self._failures: dict[str, SealringError] = {}  # of the last attempt, by the names of seals
        self.opened_by = ""  # the last one that opened, in words

    @cached_property
    def files(self) -> tuple[SealFile, ...]:
        """The file of each seal of the settings, and that of the recovery key if there is one."""
        named = [*((name, table.provider) for name, table in self._tables.items()), (RECOVERY, RECOVERY)]
        found = [read_seal(self._path(name), name, provider, self._loaded.spec.name) for name, provider in named]
        return tuple(each for each in found if each.name != RECOVERY or each.seal or each.trouble)

    @property
    def heads(self) -> tuple[SealHead, ...]:
        """What the seals that seem newest say of the root keys, which nothing has proved; none if there is no seal."""
        found = [each for each in self.files if not each.trouble]
        newest = max((each.generation for each in found), default=0)
        return tuple(each.seal.head for each in found if each.seal and each.generation == newest)

    @property
    def has_recovery(self) -> bool:
        return self._path(RECOVERY).exists()

    @property
    def clear_file(self) -> Path | None:
        """The file of root keys in clear, if it is there."""
        path = root_path(self._loaded)
        return path if path is not None and path.exists() else None

    def holds(self, root: Root) -> bool:
        """Whether these root keys, which the caller has, are those that were sealed last, as far as anybody can say.

        A seal says so, and no newer one that may be genuine says something else; or each seal was found to be altered.
        """
        said = [(each, each.seal.head) for each in self.files if each.seal and not each.trouble]
        if same := [each for each, head in said if head.is_of(root)]:
            return any(self._newer(each) is None for each in same)
        others = [each for each, _ in said if each.name != RECOVERY]
        return bool(others) and all(map(self._is_altered, others))

    def attempt(self, until: float = float("inf")) -> Root | StaysSealed:
        """Try each seal that did not fail for good before. Each has its share of the time `until` then."""
        files = self._newest_first()
        for number, file in enumerate(files):
            now = time.monotonic()
            if (root := self._tried(file, now + (until - now) / (len(files) - number))) is not None:
                self.opened_by = self._in_words(file)
                return root
        why = [f"{self._in_words(each)}: {self._why(each)}" for each in self.files if each.name != RECOVERY]
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
        for each in self._newest_first():
            self._tried(each)
        for file in self.files:
            why = self._why(file)
            yield f"root      warning: seal {file.name}: {why}" if why else f"root      ok: {file}"
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
        for rival in sorted(self._rivals(file), key=lambda each: -each.generation):
            self._tried(rival)
        if self._newer(file) is not None:
            raise SettingsInvalid(self._why(file))
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
        generation, seals = self._next_generation(), [self._seal(name) for name in self._tables]
        made: list[tuple[Seal, RootSeal]] = []
        for each in seals:
            if (line := each.initialise()) is not None:
                yield line
            try:
                made.append((each, seal(root, each, each.provider, generation)))
            except SealringError as failure:
                raise SettingsInvalid(f"seal {each.name} ({each.provider}): {_text(failure)}") from failure
        for each, sealed in made:
            write_guarded(self._path(each.name), sealed.encode(), MODE)
            yield f"seal {self._path(each.name)} by {each.provider}"
        for path in self._left_behind():
            yield f"{path} belongs to no seal of the settings: remove it, and destroy its key if nothing else needs it"

    def make_recovery(self, root: Root, key: RecoveryKey) -> Path:
        """Seal the root keys by the recovery key, in the place of an earlier one. Raises SettingsInvalid."""
        generation = max(1, self._next_generation() - 1)  # beside the seals of the same root keys
        write_guarded(self._path(RECOVERY), seal(root, key, RECOVERY, generation).encode(), MODE)
        return self._path(RECOVERY)

    def initialise(self) -> Iterator[str]:
        """Make and seal the root keys of a new installation, unless there are seals. Raises SettingsInvalid."""
        if self.heads:
            yield f"seals of the root keys in {self._folder} (kept as they are)"
            return
        for each in self.files:
            if each.path.exists():
                raise SettingsInvalid(f"seal {each.name}: {each.trouble}; `sealring init` replaces no seal")
        yield from self.make(self.in_clear() if self.clear_file else self.fresh())

    def reseal(self) -> Iterator[str]:
        """Seal the root keys again by each seal of the settings, from a seal that opens or the file in clear."""
        if not self.heads and self.clear_file is not None and not any(each.path.exists() for each in self.files):
            yield from self.make(self.in_clear())
            yield f"{self.clear_file} is not needed any more: put a copy where no server is, and remove it"
        else:
            yield from self.make(self.open())

    def _seal(self, name: str) -> Seal:
        """Load the provider of a seal, which opens nothing yet. Raises SettingsInvalid."""
        table = self._tables[name]
        return Seal.of(name, table.provider, table.members, self._settings.path.absolute().parent)

    def _in_words(self, file: SealFile) -> str:
        return f"seal {file.name} ({self._tables[file.name].provider})"

    def _newest_first(self) -> list[SealFile]:
        return sorted((each for each in self.files if each.name != RECOVERY), key=lambda each: -each.generation)

    def _tried(self, file: SealFile, until: float = float("inf")) -> Root | None:
        """Open a seal, unless it failed for good before, or is older than one that may be genuine."""
        if not isinstance(self._failures.get(file.name, _NOT_TRIED), _TEMPORARY):
            return None  # a wrong PIN, sent again and again, would lock a token
        try:
            if self._newer(file):
                return None
            by = replace(self._seal(file.name), until=until)
            with self._refused_pins.minding(by):
                return self._opened(file, by)
        except SealringError as failure:
            self._failures[file.name] = failure
            return None

    def _rivals(self, file: SealFile) -> Iterator[SealFile]:
        """The seals that say that they are newer, and of other root keys. Never the recovery key's: none can try it."""
        for each in self.files:
            if file.seal and each.seal and each.name != RECOVERY and each.seal.head.supersedes(file.seal.head):
                yield each

    def _newer(self, file: SealFile) -> SealFile | None:
        """A newer seal of other root keys, unless trying it has shown that it was altered."""
        return next((each for each in self._rivals(file) if not self._is_altered(each)), None)

    def _is_altered(self, file: SealFile) -> bool:
        return isinstance(self._failures.get(file.name), IntegrityFailure)

    def _why(self, file: SealFile) -> str:
        """Why a seal is not used; nothing if it is."""
        if (newer := self._newer(file)) is not None:
            return self._older_than(file, newer)
        if file.trouble:
            return for_the_operator(SettingsInvalid(file.trouble))
        failure = self._failures.get(file.name)
        return "" if failure is None else _text(failure)

    def _older_than(self, file: SealFile, newer: SealFile) -> str:
        remedy = "`sealring root recovery-key`" if file.name == RECOVERY else "`sealring root reseal`"
        why = f"{file.path} is of other root keys than those that were sealed last: make it again with {remedy}"
        closed = f"; or move {newer.path} away, if it is not what was sealed last" if self._why(newer) else ""
        return f"{why}{closed}"

    def _opened(self, file: SealFile, by: Opener) -> Root:
        if file.seal is None or file.trouble:
            raise SettingsInvalid(file.trouble)
        root = unseal(file.seal, by)
        if root != root_of(self._loaded, root.content):
            raise SettingsInvalid("its head names other root keys than it contains")
        return root

    def _left_behind(self) -> Sequence[Path]:
        """The files of seals that the settings do not name any more."""
        named = {self._path(name) for name in (*self._tables, RECOVERY)}
        return sorted(set(self._folder.glob("root-seal-*")) - named)

    def _next_generation(self) -> int:
        """Raises SettingsInvalid for one that no file can have, which only an altered seal leads to."""
        found = {each.generation: each.path for each in self.files if not self._is_altered(each)}
        newest = max(found, default=0)
        if newest == MAX_GENERATION:
            raise SettingsInvalid(f"{found[newest]} was altered: it cannot have been sealed so often; move it away")
        return 1 + newest

    def _path(self, name: str) -> Path:
        return self._folder / f"root-seal-{name}"


def _text(failure: SealringError) -> str:
    return _UNFIT if isinstance(failure, IntegrityFailure) else for_the_operator(failure)
