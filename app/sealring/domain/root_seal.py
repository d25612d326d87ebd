"""The format of a seal: the file of a provider's root keys, encrypted under a key that one KMS, HSM or person opens.

    sealring root seal 1
    <base64, in one line, of:>

    H = format u8 = 1 ‖ lp8(provider of the roots) ‖ root id 16 ‖ generation u32
        ‖ number of roots u16 ‖ for each, sorted: lp8(domain) ‖ epoch u32 ‖ lp8(sealed by)
    H ‖ lp16(sealed key) ‖ nonce 12 ‖ ciphertext of the file ‖ tag 16

The root id identifies the content, and reveals nothing of it. The generation counts the times that it was sealed. H is
bound to the sealed key and to the ciphertext: a part of another seal does not fit.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Self

from sealring.domain.wire import MalformedBytes, Reader, lp8, lp16

FORMAT = 1
ID_BYTES = 16
NONCE_BYTES = 12  # NIST SP 800-38D 8.2.2; random, for a key that encrypts once
TAG_BYTES = 16
MAX_CONTENT_BYTES = 65_536  # the largest file with a secret; also what a pipe holds
RECOVERY = "recovery"  # in the place of a provider: sealed by the recovery key

_HEADING = "sealring root seal 1\n"
_ID_LABEL = b"sealring/v1/root-id"
_KEY_LABEL = b"sealring/v1/root-seal/key"


@dataclass(frozen=True, slots=True, order=True)
class RootEpoch:
    """The name of one root key."""

    domain: str
    epoch: int

    def __str__(self) -> str:
        return f"{self.domain}/{self.epoch}"


@dataclass(frozen=True, slots=True)
class Root:
    """The content of the file of a provider's root keys, in clear."""

    provider: str
    content: bytes = field(repr=False)
    epochs: tuple[RootEpoch, ...]  # sorted

    @property
    def id(self) -> bytes:
        """What identifies the content. The content has at least 256 random bits, so the digest reveals nothing."""
        return hashlib.sha256(_ID_LABEL + lp8(self.provider.encode()) + self.content).digest()[:ID_BYTES]


@dataclass(frozen=True, slots=True)
class SealHead:
    """What a seal says of itself before it is opened."""

    provider: str
    root_id: bytes
    generation: int
    epochs: tuple[RootEpoch, ...]
    sealed_by: str  # a provider, or RECOVERY

    @property
    def encoded(self) -> bytes:
        return b"".join(
            (
                bytes((FORMAT,)),
                lp8(self.provider.encode()),
                self.root_id,
                self.generation.to_bytes(4, "big"),
                len(self.epochs).to_bytes(2, "big"),
                *(lp8(each.domain.encode()) + each.epoch.to_bytes(4, "big") for each in self.epochs),
                lp8(self.sealed_by.encode()),
            )
        )

    @property
    def key_aad(self) -> bytes:
        """What the sealed key is bound to: 57 bytes."""
        return _KEY_LABEL + hashlib.sha256(self.encoded).digest()

    def is_of(self, root: Root) -> bool:
        return (self.provider, self.root_id, self.epochs) == (root.provider, root.id, root.epochs)


@dataclass(frozen=True, slots=True)
class RootSeal:
    """A seal."""

    head: SealHead
    sealed_key: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)

    def encode(self) -> str:
        raw = self.head.encoded + lp16(self.sealed_key) + self.nonce + self.ciphertext
        return f"{_HEADING}{base64.b64encode(raw).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a seal. Raises ValueError for anything that `encode` does not make."""
        encoded = text.removeprefix(_HEADING).removesuffix("\n")
        reader = Reader(base64.b64decode(encoded, validate=True))
        head = _take_head(reader)
        sealed_key, nonce = reader.lp16(), reader.take(NONCE_BYTES)
        seal = cls(head, sealed_key, nonce, reader.rest())
        if len(seal.ciphertext) <= TAG_BYTES or not sealed_key or seal.encode() != text:
            raise MalformedBytes("not a seal")
        return seal


def _take_head(reader: Reader) -> SealHead:
    if reader.number(1) != FORMAT:
        raise MalformedBytes("a seal of another format")
    provider, root_id, generation = reader.lp8().decode(), reader.take(ID_BYTES), reader.number(4)
    epochs = tuple(RootEpoch(reader.lp8().decode(), reader.number(4)) for _ in range(reader.number(2)))
    if not epochs or epochs != tuple(sorted(set(epochs))):
        raise MalformedBytes("roots in another order")
    return SealHead(provider, root_id, generation, epochs, reader.lp8().decode())
