"""The files of a backup: a plaintext head, then the entries in sealed chunks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sealring.crypto.chunks import Chunks
from sealring.crypto.data_key import DataKey
from sealring.domain.backup import BackupHead, FileKind
from sealring.errors import BackupRefused, IntegrityFailure
from sealring.files import replacing
from sealring.store.backup.entries import EndEntry, Entry, encode_entry, read_entries
from sealring.store.schema.counts import Counts

_OTHER = {
    FileKind.DATA: "the file of data: give it without --keys",
    FileKind.KEYS: "the file of key records: give it with --keys",
}


class BackupWriter:
    """Writes one file of a backup, which only its owner may read.

    It gets its name at the end of `writing`, once it is complete and on disk; an earlier file of that name stays until
    then.
    """

    def __init__(self, file: IO[bytes], head: BackupHead, dek: DataKey) -> None:
        self._file = file
        self._chunks = Chunks(dek.secret, head.digest)
        self._digest = hashlib.sha256()
        self._write(head.encoded)

    @classmethod
    @contextmanager
    def writing(cls, target: Path, head: BackupHead, dek: DataKey) -> Iterator[BackupWriter]:
        """Raises BackupRefused if the file cannot be written."""
        with _in_the_place_of(target) as file:
            yield cls(file, head, dek)

    @classmethod
    @contextmanager
    def streaming(cls, output: IO[bytes], head: BackupHead, dek: DataKey) -> Iterator[BackupWriter]:
        """Write to a pipe: what was cut off is not restored. Raises BackupRefused if it cannot be written."""
        try:
            yield cls(output, head, dek)
            output.flush()
        except OSError as error:
            raise BackupRefused(f"standard output cannot be written ({error.strerror})") from error

    def add(self, entry: Entry) -> None:
        for chunk in self._chunks.add(encode_entry(entry)):
            self._write(chunk)

    def end(self, counts: Counts) -> str:
        """Write the counts of the file, and return its SHA-256 in hex."""
        self.add(EndEntry(counts))
        self._write(self._chunks.end())
        return self._digest.hexdigest()

    def _write(self, raw: bytes) -> None:
        self._file.write(raw)
        self._digest.update(raw)


class BackupFile:
    """A backup file to read, more than once if needed."""

    def __init__(self, file: IO[bytes], name: Path) -> None:
        """Read the head. Raises BackupRefused if there is none."""
        self._file = file
        self._name = name
        self.size = os.fstat(file.fileno()).st_size
        try:
            self.head = BackupHead.read(file.read)
        except ValueError as error:  # MalformedBytes
            raise BackupRefused(f"{name} is not a backup of sealring, is of another version, or was altered") from error
        self._body = file.tell()

    @classmethod
    @contextmanager
    def opened(cls, path: Path, kind: FileKind) -> Iterator[BackupFile]:
        """Raises BackupRefused if `path` cannot be read, or is not a backup file of that kind."""
        try:
            with path.open("rb") as file:
                opened = cls(file, path)
                if opened.head.kind is not kind:
                    raise BackupRefused(f"{path} is {_OTHER[opened.head.kind]}")
                yield opened
        except OSError as error:
            raise BackupRefused(f"{path} cannot be read ({error.strerror})") from error

    def entries(self, dek: DataKey, advance: Callable[[int], None]) -> Iterator[Entry]:
        """Yield all entries, and call `advance` with the number of bytes after each read.

        Raises BackupRefused if the file is not what was written, at the latest after the last entry.
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
def _in_the_place_of(target: Path) -> Iterator[IO[bytes]]:
    """Yield a new file that replaces `target` if the block succeeds. Raises BackupRefused."""
    try:
        with replacing(target) as file:
            yield file
    except OSError as error:
        raise BackupRefused(f"{target} cannot be written ({error.strerror})") from error
