"""The root key: 32 random bytes in a file that only its owner can read."""

from __future__ import annotations

import os
from pathlib import Path

from sealring_plugin import ConfigInvalid, read_private

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
    root = read_private(path, "root key file")
    if len(root) != ROOT_BYTES:
        raise ConfigInvalid(f"root key file {path} does not hold {ROOT_BYTES} bytes; restore it from your backup")
    return root
