"""Roots of the provider `local`."""

from pathlib import Path

from sealring_local.roots import Roots
from sealring_plugin import DATA, KEEP, RootName


def roots_of(secret: bytes) -> Roots:
    """The same roots for the same 32 bytes."""
    return Roots({RootName(DATA, 1): secret, RootName(KEEP, 1): secret[::-1]})


def replace_roots(path: Path) -> None:
    """Put other roots in the place of those that a store was made with."""
    path.write_text(Roots.fresh().encode())
