"""The bytes of an entry of the audit stream, with a MAC that also covers the partition.

Version 1 holds one event:

    version u8 ‖ operation 16 ‖ attempt u8 ‖ boot 8 ‖ counter u64 ‖ n u8 ‖ n x counter u64 ‖ refused u8
      ‖ lp8(action) ‖ lp8(environment) ‖ lp8(organization) ‖ lp16(issuer) ‖ lp16(subject) ‖ lp16(token id)
      ‖ lp8(source) ‖ lp8(request id) ‖ lp8(target) ‖ name form u8 ‖ lp16(name) ‖ lp16(context)
      ‖ n u8 ‖ n x (KEK id 16 ‖ version u32) ‖ lp8(provider) ‖ lp16(reason) ‖ lp8(detail) ‖ MAC 16

Version 2 holds the events of 1 to 1,000 items of a batch, and has before the MAC:

    n u16 ‖ n x (place u32 ‖ index u32)

Its target is the batch, and that of each event is target ‖ "/" ‖ index in decimal. The operation of each event is the
first 12 bytes of its operation ‖ place.

The time is the entry's id in the stream. `boot` is random, chosen by each worker at its start, and `counter` grows with
each entry that the worker makes; the n counters are those of earlier entries with a refused EXEC. Any other gap means a
lost entry.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.domain.batch import MAX_ITEMS
from sealring.domain.context import KeyContext
from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.wire import MalformedBytes, Reader, lp8, lp16
from sealring.errors import IntegrityFailure

FIELD = b"e"  # the one field of an entry
MAX_REFUSED = 255

_OF_ONE, _OF_ITEMS = 1, 2  # versions
_HEAD = struct.Struct(">B16sB8sQB")
_KEY = struct.Struct(">16sI")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event, or those of items of a batch; and the entry's number among those of its worker."""

    event: Event  # if there are items: of their batch
    boot: bytes  # 8 bytes
    counter: int
    refused: tuple[int, ...] = ()  # counters of earlier entries that were never appended, at most 255
    items: tuple[tuple[int, int], ...] = ()  # place and index of each

    @property
    def events(self) -> Sequence[Event]:
        return [self.event.of_item(*each) for each in self.items] if self.items else [self.event]


def encode_entry(keys: StoreKeys, partition: int, entry: AuditEntry) -> bytes:
    event, origin, refused = entry.event, entry.event.origin, entry.refused
    version = _OF_ITEMS if entry.items else _OF_ONE
    body = b"".join(
        (
            _HEAD.pack(version, origin.operation, origin.attempt, entry.boot, entry.counter, len(refused)),
            struct.pack(f">{len(refused)}Q", *refused) if refused else b"",
            b"\x01" if event.refused else b"\x00",
            _where(event.action, event.environment, event.org),
            _who(origin.issuer, origin.subject, origin.token_id, origin.source),
            lp8(origin.request_id.encode()),
            lp8(event.target.encode()),
            b"\x01" if event.name else b"\x00",
            lp16(event.name.encode()),
            b"\x00\x00" if event.context is None else lp16(event.context.canonical),
            bytes((len(event.keys),)),
            *(_KEY.pack(*key) for key in event.keys),
            _what(event.provider, event.reason, event.detail),
            _encode_items(entry.items) if entry.items else b"",
        )
    )
    return body + keys.audit(partition.to_bytes(2, "big") + body)


def _encode_items(items: Sequence[tuple[int, int]]) -> bytes:
    return struct.pack(f">H{2 * len(items)}I", len(items), *chain.from_iterable(items))


# Cached: parts that are the same in most entries of a worker.


@lru_cache(4096)
def _where(action: Action, environment: EnvironmentId, org: OrgId) -> bytes:
    return lp8(action.value.encode()) + lp8(environment.encode()) + lp8(org.encode())


@lru_cache(4096)
def _who(issuer: str, subject: str, token_id: str, source: str) -> bytes:
    return b"".join((lp16(issuer.encode()), lp16(subject.encode()), lp16(token_id.encode()), lp8(source.encode())))


@lru_cache(256)
def _what(provider: str, reason: str, detail: str) -> bytes:
    return lp8(provider.encode()) + lp16(reason.encode()) + lp8(detail.encode())


def decode_fields(keys: StoreKeys, partition: int, fields: Sequence[bytes]) -> AuditEntry:
    """Read an entry from its fields and values in turn. Raises IntegrityFailure if we did not append it there."""
    if len(fields) != 2 or fields[0] != FIELD:
        raise IntegrityFailure("audit entry")
    return decode_entry(keys, partition, fields[1])


def decode_entry(keys: StoreKeys, partition: int, raw: bytes) -> AuditEntry:
    """Read an entry. Raises IntegrityFailure if we did not append it to that partition."""
    body, mac = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
    if not hmac.compare_digest(keys.audit(partition.to_bytes(2, "big") + body), mac):
        raise IntegrityFailure("audit entry")
    try:
        return _decode(Reader(body))
    except ValueError as error:  # MalformedBytes, an action of a newer version, bad UTF-8
        raise IntegrityFailure("audit entry") from error


def _decode(reader: Reader) -> AuditEntry:
    version, operation, attempt, boot, counter, count = _HEAD.unpack(reader.take(_HEAD.size))
    if version not in {_OF_ONE, _OF_ITEMS}:
        raise MalformedBytes("a version that this version does not know")
    missing = tuple(reader.number(8) for _ in range(count))
    refused = reader.flag()
    action, environment, org = Action(reader.lp8().decode()), reader.lp8().decode(), reader.lp8().decode()
    issuer, subject, token_id = reader.lp16().decode(), reader.lp16().decode(), reader.lp16().decode()
    source, request_id, target = reader.lp8().decode(), reader.lp8().decode(), reader.lp8().decode()
    form, name, context = reader.number(1), reader.lp16().decode(), reader.lp16()
    if form != bool(name):
        raise MalformedBytes("a name in another form")
    event = Event(
        action=action,
        environment=EnvironmentId(environment),
        org=OrgId(org),
        origin=Origin(issuer, subject, request_id, operation, attempt, token_id, source),
        target=target,
        name=name,
        context=KeyContext.decode(context) if context else None,
        keys=tuple((reader.take(16), reader.number(4)) for _ in range(reader.number(1))),
        refused=refused,
        provider=reader.lp8().decode(),
        reason=reader.lp16().decode(),
        detail=reader.lp8().decode(),
    )
    items = _items(reader) if version == _OF_ITEMS else ()
    reader.finish()
    return AuditEntry(event, boot, counter, missing, items)


def _items(reader: Reader) -> tuple[tuple[int, int], ...]:
    count = reader.number(2)
    if not 1 <= count <= MAX_ITEMS:
        raise MalformedBytes("no items, or too many")
    return tuple((reader.number(4), reader.number(4)) for _ in range(count))
