"""The bytes of an entry of the audit stream, with a MAC that also covers the partition.

    version u8 ‖ operation 16 ‖ attempt u8 ‖ boot 8 ‖ counter u64 ‖ n u8 ‖ n x counter u64 ‖ refused u8
      ‖ lp8(action) ‖ lp8(environment) ‖ lp8(organization) ‖ lp16(issuer) ‖ lp16(subject) ‖ lp16(token id)
      ‖ lp8(source) ‖ lp8(request id) ‖ lp8(target) ‖ name form u8 ‖ lp16(name) ‖ lp16(context)
      ‖ n u8 ‖ n x (KEK id 16 ‖ version u32) ‖ lp8(provider) ‖ lp16(reason) ‖ lp8(detail) ‖ MAC 16

The time is the entry's id in the stream. `boot` is random, chosen by each worker at its start, and `counter` grows with
each entry that the worker makes; the n counters are those of earlier entries with a refused EXEC. Any other gap means a
lost entry.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.domain.context import KeyContext
from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.wire import MalformedBytes, Reader, lp8, lp16
from sealring.errors import IntegrityFailure

FIELD = b"e"  # the one field of an entry
MAX_REFUSED = 255

_VERSION = 1
_HEAD = struct.Struct(">B16sB8sQB")
_KEY = struct.Struct(">16sI")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event, and its number among those of its worker."""

    event: Event
    boot: bytes  # 8 bytes
    counter: int
    refused: tuple[int, ...] = ()  # counters of earlier entries that were never appended, at most 255


def encode_entry(keys: StoreKeys, partition: int, entry: AuditEntry) -> bytes:
    event, origin, refused = entry.event, entry.event.origin, entry.refused
    body = b"".join(
        (
            _HEAD.pack(_VERSION, origin.operation, origin.attempt, entry.boot, entry.counter, len(refused)),
            struct.pack(f">{len(refused)}Q", *refused) if refused else b"",
            *_before_target(event),
            lp8(event.target.encode()),
            *_after_target(event),
        )
    )
    return body + keys.audit(partition.to_bytes(2, "big") + body)


def encode_alike(
    keys: StoreKeys, partition: int, entry: AuditEntry, numbers: Iterator[int], each: Iterable[tuple[bytes, str]]
) -> Iterator[bytes]:
    """Yield entries like `entry`, with the next of `numbers`, and with each operation and target.

    What they have in common is encoded once: one of them takes a third of the time of another entry.
    """
    attempt, boot, place, mac = entry.event.origin.attempt, entry.boot, partition.to_bytes(2, "big"), keys.audit
    before, after = b"".join(_before_target(entry.event)), b"".join(_after_target(entry.event))
    for operation, target in each:
        head = _HEAD.pack(_VERSION, operation, attempt, boot, next(numbers), 0)
        body = b"".join((head, before, lp8(target.encode()), after))
        yield body + mac(place + body)


def _before_target(event: Event) -> tuple[bytes, ...]:
    origin = event.origin
    return (
        b"\x01" if event.refused else b"\x00",
        _where(event.action, event.environment, event.org),
        _who(origin.issuer, origin.subject, origin.token_id, origin.source),
        lp8(origin.request_id.encode()),
    )


def _after_target(event: Event) -> tuple[bytes, ...]:
    return (
        b"\x01" if event.name else b"\x00",
        lp16(event.name.encode()),
        b"\x00\x00" if event.context is None else lp16(event.context.canonical),
        bytes((len(event.keys),)),
        *(_KEY.pack(*key) for key in event.keys),
        _what(event.provider, event.reason, event.detail),
    )


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
    if version != _VERSION:
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
    reader.finish()
    return AuditEntry(event, boot, counter, missing)
