"""Cursors of lists: opaque, authenticated, marked with the response field that they came from."""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from enum import IntEnum

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.domain.ports import Order
from sealring.domain.principal import Principal
from sealring.domain.wire import lp16
from sealring.errors import MalformedRequest

_FORMAT = 1
_BODY = struct.Struct(">BBBQ16sQ16sQ")  # format, issued as, descending, first, last, newest
_UNBOUNDED = 0


class IssuedAs(IntEnum):
    AFTER = 1
    BEFORE = 2


@dataclass(frozen=True, slots=True)
class Cursor:
    """The first and the last row of the page that it was issued with."""

    issued_as: IssuedAs
    order: Order
    first: tuple[int, bytes]
    last: tuple[int, bytes]
    newest: int | None  # an ascending list ends at the time it began: otherwise an update would show a row twice


class Cursors:
    """Writes and reads cursors, each valid only for callers with the same organizations."""

    def __init__(self, keys: StoreKeys) -> None:
        self._keys = keys

    def encode(self, cursor: Cursor, principal: Principal) -> str:
        body = _BODY.pack(
            _FORMAT,
            cursor.issued_as,
            cursor.order is Order.DESCENDING,
            *cursor.first,
            *cursor.last,
            _UNBOUNDED if cursor.newest is None else cursor.newest,
        )
        mac = self._keys.cursor(_scope(principal) + body)
        return base64.urlsafe_b64encode(body + mac).decode().rstrip("=")

    def decode(self, text: str, principal: Principal) -> Cursor:
        """Raises MalformedRequest for a text that was not issued to a caller with the same organizations."""
        raw = _decoded(text)
        body, mac = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
        genuine = hmac.compare_digest(self._keys.cursor(_scope(principal) + body), mac)
        if not genuine or len(body) != _BODY.size or body[0] != _FORMAT:
            raise MalformedRequest("Unknown cursor. Send a cursor from list_metadata unchanged, with the same token.")
        _, issued_as, descending, first, first_id, last, last_id, newest = _BODY.unpack(body)
        return Cursor(
            issued_as=IssuedAs(issued_as),
            order=Order.DESCENDING if descending else Order.ASCENDING,
            first=(first, first_id),
            last=(last, last_id),
            newest=None if newest == _UNBOUNDED else newest,
        )


def _scope(principal: Principal) -> bytes:
    orgs = [b"*"] if principal.everywhere else [lp16(org.encode()) for org in sorted(principal.organizations)]
    return lp16(principal.environment.encode()) + lp16(b"".join(orgs))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return b""
