"""The root key: 32 random bytes in a file that only its owner can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sealring_plugin import ConfigInvalid

ROOT_BYTES = 32


def create_root(path: Path) -> None:
    """Write a new root key. Raises ConfigInvalid where the file exists: a root is never replaced."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigInvalid(f"root key file {path} exists already; a root key is never replaced") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(ROOT_BYTES))
        file.flush()
        os.fsync(file.fileno())


def read_root(path: Path) -> bytes:
    """Return the root key. Raises ConfigInvalid: missing, readable by others, or not 32 bytes. Never creates one."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            root = file.read(ROOT_BYTES + 1)
    except OSError as error:
        raise ConfigInvalid(f"root key file {path} cannot be read ({error.strerror})") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigInvalid(f"root key file {path} is open to others; run: chmod 600 {path}")
    if len(root) != ROOT_BYTES:
        raise ConfigInvalid(f"root key file {path} does not hold {ROOT_BYTES} bytes; restore it from your backup")
    return root
