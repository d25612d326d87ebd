"""Files on the disk, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def replacing(target: Path, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """Yield a new file that replaces `target` if the block succeeds, and is deleted if it fails.

    Until the end of the block, only its owner can read it. Then the file and its name are synced to the disk: they
    survive a loss of power. Raises OSError.
    """
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        draft = Path(file.name)
        try:
            yield file.file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            move(draft, target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def move(source: Path, target: Path) -> None:
    """Replace a file by another one of the same folder, and sync the folder to the disk. Raises OSError."""
    source.replace(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def current_umask() -> int:
    """Return the umask, which can be read only by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def remove_pid_file(path: Path, pid: int) -> None:
    """Remove the pid file of a process that has ended, even if it is still a zombie."""
    with suppress(OSError):
        if path.read_text(encoding="ascii").strip() == str(pid):
            path.unlink()
