"""Plaintext data keys, wiped when their with-block ends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from sealring.domain.envelope import DEK_BYTES


class DataKey:
    """A DEK that lives in a with-block: 32 bytes in a bytearray that is overwritten on exit.

    Short-lived, but not zeroised: the interpreter and OpenSSL make their own copies.
    """

    __slots__ = ("secret",)

    def __init__(self, secret: bytearray) -> None:
        self.secret = secret

    @classmethod
    def fresh(cls) -> Self:
        return cls(bytearray(os.urandom(DEK_BYTES)))

    @classmethod
    def joined(cls, shares: Sequence[bytearray]) -> Self:
        """Return the key from all its XOR shares."""
        secret = bytearray(DEK_BYTES)
        for share in shares:
            _xor_into(secret, share)
        return cls(secret)

    def split(self, count: int) -> list[bytearray]:
        """Return `count` shares, all needed for `joined`: random ones, and the key XORed with them."""
        last = bytearray(self.secret)
        shares = [bytearray(os.urandom(DEK_BYTES)) for _ in range(count - 1)]
        for share in shares:
            _xor_into(last, share)
        return [*shares, last]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _wipe(self.secret)

    def __repr__(self) -> str:
        return "DataKey(…)"


def _xor_into(target: bytearray, other: bytearray) -> None:
    target[:] = (int.from_bytes(target, "big") ^ int.from_bytes(other, "big")).to_bytes(DEK_BYTES, "big")


def _wipe(secret: bytearray) -> None:
    secret[:] = bytes(len(secret))
