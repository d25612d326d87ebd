"""Sealing the file of root keys, and opening a seal.

Each seal has a fresh key that encrypts the file, and that only the seal's KMS, HSM or recovery key opens. So a provider
never sees a root key.
"""

from __future__ import annotations

from typing import Protocol

from sealring.crypto.data_key import DataKey
from sealring.crypto.root_seal import open_root, seal_root
from sealring.domain.root_seal import Root, RootSeal, SealHead


class Opener(Protocol):
    """What opens the key of a seal: a provider, or the recovery key."""

    def seal(self, secret: bytearray, aad: bytes) -> bytes: ...
    def open(self, sealed: bytes, aad: bytes) -> bytearray: ...


def seal(root: Root, by: Opener, named: str, generation: int) -> RootSeal:
    """Seal the root keys. `named` is the provider, or RECOVERY. Raises KeyFailure; IntegrityFailure.

    The seal is opened again before it is returned: one that does not open would be noticed only at the next start.
    """
    head = SealHead(root.provider, root.id, generation, root.epochs, named)
    with DataKey.fresh() as key:
        made = seal_root(root, key, head, by.seal(key.secret, head.key_aad))
    unseal(made, by)
    return made


def unseal(sealed: RootSeal, by: Opener) -> Root:
    """Open a seal. Raises KeyFailure; IntegrityFailure if it was altered, or made by another key."""
    with DataKey(by.open(sealed.sealed_key, sealed.head.key_aad)) as key:
        return open_root(sealed, key)
