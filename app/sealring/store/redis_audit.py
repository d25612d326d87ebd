"""The audit outbox: one stream for each partition, its entries appended in the transaction that they tell of."""

from __future__ import annotations

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.decision import Epoch
from sealring.domain.events import Event
from sealring.domain.wire import lp16
from sealring.store.keyspace import Keyspace
from sealring.store.link import Command
from sealring.store.links import Links


class RedisAudit:
    """Appends events. Names enter as keyed digests; the stream's own ids carry the time."""

    def __init__(self, links: Links, keyspace: Keyspace, keys: StoreKeys) -> None:
        self._links = links
        self._keyspace = keyspace
        self._keys = keys

    def append(self, event: Event) -> Epoch | None:
        epoch_key = self._keyspace.epoch(self._keyspace.home(event.environment, event.org))
        epoch: Epoch | None
        _, epoch = self._links.record(epoch_key, self.entry(event), (b"GET", epoch_key))
        return epoch

    def entry(self, event: Event) -> Command:
        """The command that appends `event`, for a pipeline or a transaction."""
        fields = {
            b"action": event.action.value,
            b"env": event.environment,
            b"org": event.org,
            b"actor": event.actor,
            b"request": event.request_id,
            b"target": event.target,
            b"name": self._name_digest(event),
            b"keys": " ".join(event.key_ids),
            b"reason": event.reason,
            b"provider": event.provider,
            b"detail": event.detail,
        }
        flat = [part for field in fields.items() if field[1] for part in field]
        return (b"XADD", self._stream(event), b"*", *flat)

    def _stream(self, event: Event) -> bytes:
        return self._keyspace.audit(self._keyspace.partition(event.environment, event.org))

    def _name_digest(self, event: Event) -> bytes:
        if not event.name:
            return b""
        return self._keys.locator(b"audit", lp16(event.environment.encode()) + event.name.encode())
