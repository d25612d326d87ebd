"""The format of a KEK's material: its wrapped form, its root, and a tag that binds it to its record.

    magic "SRH" ‖ format u8 = 1 ‖ wrap mechanism u8 ‖ guard u8 ‖ lp8(root domain) ‖ root epoch u32 ‖ root id 8
      ‖ lp8(wrapped KEK) ‖ lp8(nonce) ‖ binding tag ‖ check 8

The binding tag is AES-GCM under the KEK itself over a fixed plaintext, with the record as its AAD. It protects against
forgery. The check is the beginning of the SHA-256 of all bytes before it: it distinguishes damage from a missing root.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Self

from sealring_hsm.config import WRAP_MECHANISMS
from sealring_plugin import CiphertextRejected

ROOT_ID_BYTES = 8
KNOWN_ANSWER = b"sealring-hsm/kek"  # 16 bytes: the plaintext of the binding tag

_MAGIC = b"SRH\x01"
_CHECK_BYTES = 8
_RECORD_LABEL = b"sealring-hsm/v1/record"
_MECHANISM_NUMBERS = {name: number for number, name in enumerate(WRAP_MECHANISMS, 1)}
_MECHANISMS = {number: name for name, number in _MECHANISM_NUMBERS.items()}


class Guard(IntEnum):
    """What prevents the export of a KEK; it decides which attributes a KEK gets when it is unwrapped."""

    NONE = 0  # only convention
    TRUSTED = 1  # the root's template forces WRAP_WITH_TRUSTED, and only the security officer makes trusted keys
    SEALED = 2  # the root's template forces EXTRACTABLE=false: a KEK can never be moved to another root


@dataclass(frozen=True, slots=True)
class RootId:
    """A root. Its ceremony makes `nonce`, which distinguishes it from another root of the same epoch."""

    domain: str
    epoch: int
    nonce: bytes
    guard: Guard


@dataclass(frozen=True, slots=True)
class Material:
    """The parts of a KEK's material."""

    root: RootId
    wrap_mechanism: str
    wrapped: bytes
    nonce: bytes
    tag: bytes

    @staticmethod
    @lru_cache(1024)
    def parse(material: bytes) -> Material:
        """Raises CiphertextRejected for anything that `encode` does not make."""
        body, check = material[:-_CHECK_BYTES], material[-_CHECK_BYTES:]
        if not body.startswith(_MAGIC) or check != hashlib.sha256(body).digest()[:_CHECK_BYTES]:
            raise CiphertextRejected("not the material of a key of this provider")
        try:
            return Material._parse(_Reader(body[len(_MAGIC) :]))
        except (ValueError, KeyError) as error:
            raise CiphertextRejected("not the material of a key of this provider") from error

    @classmethod
    def _parse(cls, reader: _Reader) -> Self:
        mechanism, guard = _MECHANISMS[reader.take(1)[0]], Guard(reader.take(1)[0])
        domain, epoch = reader.prefixed().decode("ascii"), int.from_bytes(reader.take(4), "big")
        root = RootId(domain, epoch, reader.take(ROOT_ID_BYTES), guard)
        return cls(root, mechanism, reader.prefixed(), reader.prefixed(), reader.rest())

    def encode(self) -> bytes:
        body = b"".join(
            (
                _MAGIC,
                bytes((_MECHANISM_NUMBERS[self.wrap_mechanism], self.root.guard)),
                _prefixed(self.root.domain.encode("ascii")),
                self.root.epoch.to_bytes(4, "big"),
                self.root.nonce,
                _prefixed(self.wrapped),
                _prefixed(self.nonce),
                self.tag,
            )
        )
        return body + hashlib.sha256(body).digest()[:_CHECK_BYTES]


def record(key_id: str, version: int, scope: bytes, root: RootId, wrap_mechanism: str) -> bytes:
    """Return the canonical record of a KEK, which its binding tag authenticates."""
    name = key_id.encode()
    return b"".join(
        (
            _RECORD_LABEL,
            len(name).to_bytes(2, "big") + name,
            version.to_bytes(4, "big"),
            len(scope).to_bytes(4, "big") + scope,
            _prefixed(root.domain.encode("ascii")),
            root.epoch.to_bytes(4, "big"),
            root.nonce,
            bytes((_MECHANISM_NUMBERS[wrap_mechanism], root.guard)),
        )
    )


class _Reader:
    def __init__(self, source: bytes) -> None:
        self._source = source
        self._at = 0

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._source):
            raise ValueError("too short")
        self._at += size
        return self._source[self._at - size : self._at]

    def prefixed(self) -> bytes:
        return self.take(self.take(1)[0])

    def rest(self) -> bytes:
        return self.take(len(self._source) - self._at)


def _prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(1, "big") + part
