"""The file of root keys, which only its owner can read. A root is never replaced, and the file never repaired.

    sealring local roots 1
    data 1 <the key, 64 hexadecimal digits>
    keep 1 <the key>
    sha256 <of all lines before, 64 hexadecimal digits>

Each root has a line, sorted by domain and epoch. The first epoch of a domain may be any number, because old roots are
destroyed. The digest detects a damaged or truncated file; without it, a lost line would look like a missing root.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sealring_plugin import DATA, KEEP, ConfigInvalid, RootName, read_private

ROOT_BYTES = 32
MAX_FILE_BYTES = 1 << 20  # about 10,000 roots

_HEADING = "sealring local roots 1\n"
_LINE = re.compile(r"([a-z][a-z0-9-]{0,31}) ([1-9][0-9]{0,8}) ([0-9a-f]{64})\n")
_CHECK = re.compile(r"sha256 ([0-9a-f]{64})\n")


@dataclass(frozen=True, slots=True)
class Roots:
    """The roots of one installation, of all domains and epochs."""

    keys: Mapping[RootName, bytes] = field(repr=False)

    @classmethod
    def fresh(cls) -> Self:
        """Return the roots of a new installation: the first of both domains."""
        return cls({RootName(domain, 1): os.urandom(ROOT_BYTES) for domain in (DATA, KEEP)})

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for any text that `encode` does not make."""
        lines = text.splitlines(keepends=True)
        found = [_LINE.fullmatch(line) for line in lines[1:-1]]
        keys = {RootName(each[1], int(each[2])): bytes.fromhex(each[3]) for each in found if each is not None}
        if not keys or cls(keys).encode() != text:
            raise ValueError("not a file of roots")
        return cls(keys)

    def encode(self) -> str:
        ordered = sorted(self.keys.items(), key=lambda each: (each[0].domain, each[0].epoch))
        lines = _HEADING + "".join(f"{name.domain} {name.epoch} {key.hex()}\n" for name, key in ordered)
        return f"{lines}sha256 {hashlib.sha256(lines.encode()).hexdigest()}\n"

    def newest(self, domain: str) -> RootName:
        """Return the name of the domain's newest root. Raises ConfigInvalid if it has none."""
        names = [name for name in self.keys if name.domain == domain]
        if not names:
            raise ConfigInvalid(f"the root key file has no root of the domain {domain}; restore it from your backup")
        return max(names, key=lambda name: name.epoch)


def create_roots(path: Path) -> None:
    """Write the roots of a new installation. Raises ConfigInvalid if the file exists: a root is never replaced."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigInvalid(f"root key file {path} already exists; a root key is never replaced") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(Roots.fresh().encode())
        file.flush()
        os.fsync(file.fileno())


def read_roots(path: Path) -> Roots:
    """Return the roots. Raises ConfigInvalid if the file is missing, readable by others, or damaged."""
    return roots_in(read_private(path, "root key file"), f"root key file {path}")


def roots_in(content: bytes, where: str) -> Roots:
    """Return the roots in the content of a file. Raises ConfigInvalid if it is damaged."""
    try:
        return Roots.parse(content.decode("ascii"))
    except ValueError:
        raise ConfigInvalid(f"{where} is damaged or of another version; restore it from a backup") from None
