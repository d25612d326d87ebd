"""Checks of links to the portal and of its sessions: each is a record of ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sealring.domain.ids import uuid_text
from sealring.errors import IntegrityFailure
from sealring.store.connection.link import Link
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyspace import Kind
from sealring.store.schema.portal_codec import PortalCodec

OF_THE_PORTAL = {Kind.PORTAL_LINK: "a link to the portal", Kind.PORTAL_SESSION: "a session of the portal"}


class PortalSweep:
    """Checks the portal of one partition. Raises LinkLost; Elsewhere."""

    def __init__(self, link: Link, store: OpenedStore, partition: int) -> None:
        self._link = link
        self._keyspace = store.keyspace
        self._codec = PortalCodec(store.keys)
        self._partition = partition

    def wrong_with(self, kind: Kind, ids: Sequence[bytes]) -> Iterator[str]:
        keys = [self._keyspace.key(self._partition, kind, each) for each in ids]
        raws = self._link.snapshot(*((b"GET", key) for key in keys))
        for raw_id, raw in zip(ids, raws, strict=True):
            if raw is not None and not self._is_ours(kind, raw_id, raw):  # it may have ended meanwhile
                yield f"partition {self._partition}: {OF_THE_PORTAL[kind]} was altered ({uuid_text(raw_id)})"

    def wrong_with_list(self) -> Iterator[str]:
        (found,) = self._link.snapshot((b"ZRANGE", self._keyspace.portal_sessions(self._partition), 0, 0))
        if isinstance(found, Exception):
            yield f"partition {self._partition}: the list of the portal's sessions is of another type"

    def _is_ours(self, kind: Kind, raw_id: bytes, raw: object) -> bool:
        decode = self._codec.decode_link if kind is Kind.PORTAL_LINK else self._codec.decode_session
        try:
            decode(raw_id, raw if isinstance(raw, bytes) else b"")
        except IntegrityFailure:
            return False
        return True
