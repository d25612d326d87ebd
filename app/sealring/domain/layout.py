"""The layout record: a store's id, its number of partitions, and its wrapped store key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from sealring.domain.context import KeyContext
from sealring.domain.ids import MAX_PARTITIONS, NO_ORG, EnvironmentId
from sealring.domain.kek import Kek, KekScope
from sealring.domain.wire import MalformedBytes, Reader, lp8, lp16

FORMAT = 3
_AAD_LABEL = b"sealring/v1/layout"

STORE_CONTEXT = KeyContext((("sealring", "store"),))
STORE_SCOPE = KekScope(EnvironmentId(""), NO_ORG, STORE_CONTEXT)


@dataclass(frozen=True, slots=True)
class Layout:
    """Fixed when a store is initialised."""

    partitions: int  # 1 to 4,096
    store_id: bytes  # 16 bytes
    kek: Kek  # of STORE_SCOPE; it has no KEK record, since finding one needs the store key
    alg: str
    wrapped_store_key: bytes = field(repr=False)

    def encode(self) -> bytes:
        return b"".join(
            (
                bytes((FORMAT,)),
                self.partitions.to_bytes(2, "big"),
                self.store_id,
                self.kek.kek_id,
                self.kek.version.to_bytes(4, "big"),
                lp8(self.kek.provider.encode()),
                lp16(self.kek.provider_key_id.encode()),
                lp16(self.kek.material),
                lp8(self.kek.root_domain.encode()),
                self.kek.root_epoch.to_bytes(4, "big"),
                lp8(self.alg.encode()),
                lp16(self.wrapped_store_key),
            )
        )

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Read a layout record. Raises MalformedBytes for anything that `encode` does not make."""
        reader = Reader(raw)
        if reader.number(1) != FORMAT:
            raise MalformedBytes("a layout of another format")
        partitions, store_id, kek_id, version = reader.number(2), reader.take(16), reader.take(16), reader.number(4)
        provider, provider_key_id = reader.lp8().decode(), reader.lp16().decode()
        material, root_domain, root_epoch = reader.lp16(), reader.lp8().decode(), reader.number(4)
        kek = Kek(
            kek_id,
            version,
            provider,
            provider_key_id,
            STORE_SCOPE.encoded,
            material,
            root_domain=root_domain,
            root_epoch=root_epoch,
        )
        layout = cls(partitions, store_id, kek, reader.lp8().decode(), reader.lp16())
        reader.finish()
        if not 1 <= partitions <= MAX_PARTITIONS:
            raise MalformedBytes("a number of partitions outside its range")
        return layout


def layout_aad(partitions: int, store_id: bytes, kek_id: bytes) -> bytes:
    """The AAD of the wrapped store key; the KEK's provider binds the rest."""
    return b"".join((_AAD_LABEL, bytes((FORMAT,)), partitions.to_bytes(2, "big"), store_id, kek_id))
