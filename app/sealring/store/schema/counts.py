"""How much a store holds, by kind."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

from sealring.domain.wire import MalformedBytes, Reader


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a partition, or of a whole store."""

    objects: int = 0  # live and deleted
    versions: int = 0  # only older ones; each object also has its current one
    keks: int = 0  # managed ones, and those of bindings
    scopes: int = 0  # of managed KEKs
    bindings: int = 0
    entries: int = 0  # of the audit log: each holds an event, or those of a batch's items
    revocations: int = 0  # of tokens
    deks: int = 0  # of keyrings; encoded only if there are any, since older versions did not have them

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(self._each(), other._each(), strict=True)))

    def __str__(self) -> str:
        return (
            f"{self.objects} objects, {self.versions} older versions, {self.keks} KEKs of {self.scopes} scopes, "
            f"{self.bindings} bindings, {self.revocations} revocations, {self.entries} audit entries"
            f"{f', {self.deks} keys of keyrings' if self.deks else ''}"
        )

    def encode(self) -> bytes:
        *usual, deks = self._each()
        return b"".join(number.to_bytes(8, "big") for number in (*usual, *([deks] if deks else ())))

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        """Raises MalformedBytes for anything that `encode` does not make."""
        found = cls(*(reader.number(8) for _ in fields(cls)[:-1]))
        if reader.exhausted:
            return found
        deks = reader.number(8)
        if deks == 0:
            raise MalformedBytes("a number of no keys")
        return replace(found, deks=deks)

    def _each(self) -> tuple[int, ...]:
        return (
            self.objects,
            self.versions,
            self.keks,
            self.scopes,
            self.bindings,
            self.entries,
            self.revocations,
            self.deks,
        )
