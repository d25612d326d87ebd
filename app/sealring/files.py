"""Files on the disk, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(target: Path, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """Yield a new file that takes the place of `target` if the block succeeds, and is deleted if it does not.

    Until the end of the block only its owner can read it. Then it is on the disk, and so is its name: it survives a
    loss of power. Raises OSError.
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
    """Give a file the name of another one of the same folder, in its place and on the disk. Raises OSError."""
    source.replace(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
