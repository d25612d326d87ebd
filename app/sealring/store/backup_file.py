"""The file of a backup: a head in clear, then the entries in sealed chunks."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sealring.crypto.chunks import Chunks
from sealring.crypto.data_key import DataKey
from sealring.domain.backup import BackupHead
from sealring.errors import BackupRefused, IntegrityFailure
from sealring.store.entries import Entry, encode_entry, read_entries


def write_backup(target: Path, head: BackupHead, dek: DataKey, entries: Iterable[Entry]) -> str:
    """Write the file, for its owner alone, and return its SHA-256 in hex.

    It takes its name once it is whole and on disk; what had that name before stays until then. Raises BackupRefused
    where the file cannot be written, and what `entries` raises.
    """
    digest = hashlib.sha256(head.encoded)
    with _in_the_place_of(target) as file:
        file.write(head.encoded)
        for chunk in Chunks(dek.secret, head.digest).seal(map(encode_entry, entries)):
            file.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


class BackupFile:
    """A file that is read, more than once where need be."""

    def __init__(self, file: BinaryIO, name: Path) -> None:
        """Read the head. Raises BackupRefused where there is none."""
        self._file = file
        self._name = name
        self.size = os.fstat(file.fileno()).st_size
        try:
            self.head = BackupHead.read(file.read)
        except ValueError as error:  # MalformedBytes
            raise BackupRefused(f"{name} is no backup of sealring, or of another version, or was altered") from error
        self._body = file.tell()

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[BackupFile]:
        """Raises BackupRefused where `path` cannot be read or holds no backup."""
        try:
            with path.open("rb") as file:
                yield cls(file, path)
        except OSError as error:
            raise BackupRefused(f"{path} cannot be read ({error.strerror})") from error

    def entries(self, dek: DataKey, advance: Callable[[int], None]) -> Iterator[Entry]:
        """Yield the entries from the first one on, and tell `advance` of the bytes that were read.

        Raises BackupRefused, at the latest after the last entry, where the file is not what was written.
        """
        self._file.seek(self._body)

        def read(size: int) -> bytes:
            read = self._file.read(size)
            advance(len(read))
            return read

        try:
            yield from read_entries(Chunks(dek.secret, self.head.digest).open(read))
        except (IntegrityFailure, ValueError) as error:
            raise BackupRefused(f"{self._name} was altered or cut off; take another copy of it") from error


@contextmanager
def _in_the_place_of(target: Path) -> Iterator[BinaryIO]:
    """A new file beside `target` that takes its name where the block succeeds, and goes where it does not."""
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            try:
                yield file  # type: ignore[misc]
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(target)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        _sync_folder(target.parent)
    except OSError as error:
        raise BackupRefused(f"{target} cannot be written ({error.strerror})") from error


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a loss of power too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
