"""The file of one seal of the root keys, read and not yet opened: nothing proves what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sealring.domain.root_seal import RECOVERY, RootSeal
from sealring.errors import SettingsInvalid
from sealring.server.trust_files import read_guarded


@dataclass(frozen=True, slots=True)
class SealFile:
    """A seal's file, and what prevents its use, if anything does."""

    name: str
    path: Path
    seal: RootSeal | None
    trouble: str = ""

    @property
    def generation(self) -> int:
        return 0 if self.seal is None else self.seal.head.generation

    def __str__(self) -> str:
        if self.seal is None:
            return f"seal {self.name}"
        head = self.seal.head
        epochs = ", ".join(map(str, head.epochs))
        return f"seal {self.name}: by {head.sealed_by}, root {head.root_id.hex()} ({epochs}), sealing {head.generation}"


def read_seal(path: Path, name: str, sealed_by: str, provider: str) -> SealFile:
    """Read the seal of that name, which should have the root keys of `provider`, sealed by `sealed_by`."""
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
    head = sealed.head
    if (head.provider, head.sealed_by) != (provider, sealed_by):
        made = f"{path} has the root keys of '{head.provider}', sealed by '{head.sealed_by}'"
        return SealFile(name, path, sealed, f"{made}; the settings name '{provider}' and '{sealed_by}'")
    return SealFile(name, path, sealed)
