"""Checks of revocations: their records, and the seal over all of an environment."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.errors import IntegrityFailure
from sealring.store.connection.link import Link
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyspace import Kind, parse_environment
from sealring.store.schema.revocation_codec import SEAL, RevocationCodec


class RevocationSweep:
    """Checks the revocations of one partition. Raises LinkLost; Elsewhere."""

    def __init__(self, link: Link, store: OpenedStore, partition: int) -> None:
        self._link = link
        self._keyspace = store.keyspace
        self._codec = RevocationCodec(store.keys)
        self._partition = partition
        self._counts: dict[bytes, int] = {}  # by owner, as in the key

    @property
    def count(self) -> int:
        return sum(self._counts.values())

    def wrong_with(self, owner: bytes) -> Sequence[str]:
        """Check the list of an environment, read at one moment."""
        environment = parse_environment(owner)
        key = self._keyspace.key(self._partition, Kind.REVOCATIONS, owner)
        (flat,) = self._link.snapshot((b"HGETALL", key))
        fields = {} if isinstance(flat, Exception) else dict(zip(flat[::2], flat[1::2], strict=True))
        self._counts[owner] = sum(place != SEAL for place in fields)
        if environment is None or key != self._keyspace.revocations(environment) or isinstance(flat, Exception):
            return (f"partition {self._partition}: revocations of another type, or without an environment",)
        try:
            self._codec.decode(environment, fields)
        except IntegrityFailure as failure:
            return (f"{environment}: its revocations were altered ({failure.reason})",)
        return ()
