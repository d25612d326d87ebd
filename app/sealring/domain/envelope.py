"""The envelope of a stored value, and the blob of a data key. Format 1.

docs/envelope-format.md describes the bytes; domain/codec.py reads and writes them.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from functools import cached_property
from typing import Self

from sealring.domain.context import KeyContext
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.owners import owner_bytes
from sealring.domain.values import caching_value, value
from sealring.domain.wire import lp16

MAGIC = b"SLRG"
FORMAT = 1

MESSAGE_ID_BYTES = 32
COMMITMENT_BYTES = 32
DEK_BYTES = 32  # AES-256
CONTEXT_HASH_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D 8.2.2
TAG_BYTES = 16  # NIST SP 800-38D 5.2.1.2


class Suite(IntEnum):
    OBJECT = 0x0001  # HKDF-SHA-512, AES-256-GCM, key commitment
    # 0x0002, a data key without a MAC, is refused: anyone with the public key can make wraps.
    DATA_KEY = 0x0003  # HKDF-SHA-512 for the commitment; the caller encrypts; the blob ends with our MAC
    ITEM = 0x0004  # of a batch: as an object, under a key of its own; ends with our MAC
    KEYRING = 0x0007  # likewise, of the DEK of a keyring; its header is made from the DEK's name, and never stored


class Combine(IntEnum):
    ANY = 1  # each wrap holds the whole DEK: any KEK opens
    ALL = 2  # each wrap holds one XOR share: every KEK is needed


# A header up to its message id, what precedes an id of 16 bytes, and two ids of none.
_STARTS = {
    (suite, combine): MAGIC + bytes((FORMAT,)) + suite.to_bytes(2, "big") + bytes((combine,))
    for suite in Suite
    for combine in Combine
}
_ID, _NO_IDS = b"\0\x10", bytes(4)


@caching_value
class Header:
    """The immutable part H, bound into every wrap and every ciphertext."""

    suite: Suite
    combine: Combine
    message_id: bytes  # 32 random bytes; the first 16 are the id of the data key, the version or the batch
    environment: EnvironmentId
    org: OrgId  # NO_ORG if the context names none
    object_id: bytes  # 16 bytes; empty for a data key, and in a batch
    version_id: bytes  # 16 bytes; empty for a data key, and in a batch
    context_hash: bytes  # 32 bytes

    @classmethod
    def of_object(
        cls, combine: Combine, message_id: bytes, environment: EnvironmentId, object_id: bytes, context: KeyContext
    ) -> Self:
        """Return the header of a stored object: the first half of its message id is the version id."""
        version_id, org, context_hash = message_id[:16], context.organization, context.digest
        header = cls(Suite.OBJECT, combine, message_id, environment, org, object_id, version_id, context_hash)
        owner, start = owner_bytes(environment, org), _STARTS[Suite.OBJECT, combine]
        header.__dict__["encoded"] = b"".join(  # fills the cached property
            (start, message_id, owner, _ID, object_id, _ID, version_id, context_hash)
        )
        return header

    @classmethod
    def of_data_key(cls, combine: Combine, message_id: bytes, environment: EnvironmentId, context: KeyContext) -> Self:
        """Return the header of a data key."""
        return cls._of_key(Suite.DATA_KEY, combine, message_id, environment, context)

    @classmethod
    def of_batch(cls, combine: Combine, message_id: bytes, environment: EnvironmentId, context: KeyContext) -> Self:
        """Return the header of the items of a batch that have one context."""
        return cls._of_key(Suite.ITEM, combine, message_id, environment, context)

    @classmethod
    def _of_key(
        cls, suite: Suite, combine: Combine, message_id: bytes, environment: EnvironmentId, context: KeyContext
    ) -> Self:
        org, context_hash = context.organization, context.digest
        header = cls(suite, combine, message_id, environment, org, b"", b"", context_hash)
        start = _STARTS[suite, combine]
        header.__dict__["encoded"] = b"".join(  # fills the cached property
            (start, message_id, owner_bytes(environment, org), _NO_IDS, context_hash)
        )
        return header

    @classmethod
    def of_keyring(cls, combine: Combine, message_id: bytes, environment: EnvironmentId, context: KeyContext) -> Self:
        """Return the header of a keyring's DEK: `message_id` is a digest of what names it."""
        org, context_hash = context.organization, context.digest
        return cls(Suite.KEYRING, combine, message_id, environment, org, b"", b"", context_hash)

    @cached_property
    def encoded(self) -> bytes:
        return b"".join(
            (
                MAGIC,
                bytes((FORMAT,)),
                self.suite.to_bytes(2, "big"),
                bytes((self.combine,)),
                self.message_id,
                owner_bytes(self.environment, self.org),
                lp16(self.object_id),
                lp16(self.version_id),
                self.context_hash,
            )
        )

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.encoded).digest()


@value
class Wrap:
    """The DEK, or one share of it, under one KEK. Replaceable without touching the ciphertext."""

    provider: str
    kek_id: bytes  # 16 bytes
    kek_version: int  # u32
    alg: str  # the provider's name of its wrapping algorithm
    share_index: int  # 0 under ANY; 0..n-1 under ALL
    blob: bytes


@value
class Envelope:
    """A sealed value."""

    header: Header
    wraps: tuple[Wrap, ...]
    commitment: bytes  # 32 bytes
    nonce: bytes  # 12 bytes
    ciphertext: bytes  # with its 16-byte tag

    @property
    def keys(self) -> tuple[tuple[bytes, int], ...]:
        """Ids and versions of the KEKs."""
        return _keys(self.wraps)


@value
class DataKeyBlob:
    """A wrapped data key that the caller keeps. With its MAC appended, it is `encrypted_keys` on the wire."""

    header: Header
    wraps: tuple[Wrap, ...]
    commitment: bytes  # 32 bytes
    context: KeyContext

    @property
    def data_key_id(self) -> bytes:
        return self.header.message_id[:16]

    @property
    def keys(self) -> tuple[tuple[bytes, int], ...]:
        """Ids and versions of the KEKs."""
        return _keys(self.wraps)


def _keys(wraps: tuple[Wrap, ...]) -> tuple[tuple[bytes, int], ...]:
    return tuple((wrap.kek_id, wrap.kek_version) for wrap in wraps)
