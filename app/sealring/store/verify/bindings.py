"""Checks of bindings: their records, their KEKs, and the list of their owners."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.domain.binding import Binding
from sealring.domain.ids import uuid_text
from sealring.errors import IntegrityFailure
from sealring.store.bindings import SEAL
from sealring.store.connection.link import Link, Reply
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyspace import Kind, parse_owner


class BindingSweep:
    """Checks the bindings of one partition. Its findings name a binding by its id. Raises LinkLost; Elsewhere."""

    def __init__(self, link: Link, store: OpenedStore, partition: int) -> None:
        self._link = link
        self._keyspace = store.keyspace
        self._records = store.records
        self._partition = partition
        self._owners: dict[bytes, bytes] = {}  # by id of a binding

    @property
    def count(self) -> int:
        return len(self._owners)

    def wrong_with_bindings(self, owner: bytes) -> Sequence[str]:
        """Check an organization's bindings, twice if they seem wrong, since they may just have changed."""
        return self._wrong_with_bindings(owner) and self._wrong_with_bindings(owner)

    def wrong_with_owners(self) -> Sequence[str]:
        """Find owner entries without a binding, after all bindings were checked."""
        (listed,) = self._link.snapshot((b"HGETALL", self._keyspace.binding_owners(self._partition)))
        if isinstance(listed, Exception):
            return (f"partition {self._partition}: the owners of bindings are of another type",)
        return [
            f"binding {_called(binding_id)}: its owner is listed, but the binding does not exist"
            for binding_id, owner in zip(listed[::2], listed[1::2], strict=True)
            if binding_id not in self._owners and not self._is_there(binding_id, owner)
        ]

    def _wrong_with_bindings(self, owner: bytes) -> Sequence[str]:
        (flat,) = self._link.snapshot((b"HGETALL", self._keyspace.key(self._partition, Kind.BINDINGS, owner)))
        parsed = parse_owner(owner)
        if isinstance(flat, Exception) or parsed is None:
            return (f"partition {self._partition}: bindings of another type, or without an owner",)
        raws = dict(zip(flat[::2], flat[1::2], strict=True))
        seal = raws.pop(SEAL, b"")
        self._owners |= dict.fromkeys(raws, owner)
        bindings = {each: self._decoded(each, raw) for each, raw in raws.items()}
        found = [
            f"binding {_called(binding_id)}: {wrong}"
            for (binding_id, binding), whose, kek in zip(bindings.items(), *self._around(list(raws)), strict=True)
            if (wrong := self._wrong(binding, owner, whose, kek))
        ]
        if None not in bindings.values() and seal != self._records.seal_bindings(
            *parsed, filter(None, bindings.values())
        ):
            found.append(
                f"partition {self._partition}: the bindings of an organization do not match the MAC over all of them"
            )
        return found

    def _decoded(self, binding_id: bytes, raw: bytes) -> Binding | None:
        try:
            return self._records.decode_binding(binding_id, raw)
        except IntegrityFailure:
            return None

    def _around(self, ids: Sequence[bytes]) -> tuple[Sequence[Reply], Sequence[Reply]]:
        """Return their owners and their KEKs."""
        owners = self._keyspace.binding_owners(self._partition)
        replies = self._link.snapshot(
            *((b"HGET", owners, each) for each in ids),
            *((b"GET", self._keyspace.key(self._partition, Kind.KEK, each)) for each in ids),
        )
        return replies[: len(ids)], replies[len(ids) :]

    def _wrong(self, binding: Binding | None, owner: bytes, whose: Reply, kek: Reply) -> str:
        if binding is None:
            return "its record was altered"
        if f"{binding.environment}:{binding.org}".encode() != owner:
            return "it belongs to another organization"
        if whose != owner.replace(b":", b" "):
            return "its owner is not listed, or another one is"
        return "" if self._is_of(kek, binding) else "its KEK is missing, or another one"

    def _is_of(self, kek: Reply, binding: Binding) -> bool:
        try:
            return self._records.decode_kek(binding.id, kek if isinstance(kek, bytes) else b"").versions == (
                binding.kek,
            )
        except IntegrityFailure:
            return False

    def _is_there(self, binding_id: bytes, owner: bytes) -> bool:
        """Whether binding and owner entry agree now: both may just have been written or removed."""
        bindings = self._keyspace.key(self._partition, Kind.BINDINGS, owner.replace(b" ", b":"))
        owners = self._keyspace.binding_owners(self._partition)
        there, listed = self._link.snapshot((b"HEXISTS", bindings, binding_id), (b"HEXISTS", owners, binding_id))
        return bool(there == listed)


def _called(binding_id: bytes) -> str:
    return uuid_text(binding_id) if len(binding_id) == 16 else "without an id"
