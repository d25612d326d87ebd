"""The bytes of links to the portal and of its sessions, each with a MAC that also covers its kind and its id.

link: format u8 ‖ lp8(environment) ‖ lp8(organization) ‖ lp8(intent) ‖ lp16(return URL) ‖ lp16(success URL)
  ‖ made or began u64 ‖ ends u64 ‖ MAC 16
session: format u8 ‖ link id 16 ‖ the rest as of a link
"""

from __future__ import annotations

import hmac
import struct

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.portal import Intent, Link, PortalSession
from sealring.domain.wire import Reader, lp8, lp16
from sealring.errors import IntegrityFailure

_FORMAT = 1
_TIMES = struct.Struct(">QQ")
_LINK, _SESSION = b"portal link", b"portal session"


class PortalCodec:
    """Encodes and decodes. Decoding raises IntegrityFailure for what we did not write under that id."""

    def __init__(self, keys: StoreKeys) -> None:
        self._keys = keys

    def encode_link(self, link: Link) -> bytes:
        body = bytes((_FORMAT,)) + _encode(link, link.made_at)
        return body + self._mac(_LINK, link.id, body)

    def encode_session(self, session: PortalSession) -> bytes:
        body = bytes((_FORMAT,)) + session.link_id + _encode(session, session.began_at)
        return body + self._mac(_SESSION, session.id, body)

    def decode_link(self, link_id: bytes, raw: bytes) -> Link:
        reader = self._opened(_LINK, link_id, raw)
        try:
            return _link(link_id, reader)
        except ValueError as error:  # MalformedBytes, an intent of a newer version, bad UTF-8
            raise IntegrityFailure("the record of a link to the portal") from error

    def decode_session(self, session_id: bytes, raw: bytes) -> PortalSession:
        reader = self._opened(_SESSION, session_id, raw)
        try:
            link = _link(reader.take(16), reader)
        except ValueError as error:
            raise IntegrityFailure("the record of a session of the portal") from error
        return PortalSession.of(link, session_id, link.made_at, link.ends_at)

    def _opened(self, label: bytes, raw_id: bytes, raw: bytes) -> Reader:
        body, mac = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
        if not hmac.compare_digest(mac, self._mac(label, raw_id, body)) or body[:1] != bytes((_FORMAT,)):
            raise IntegrityFailure(f"the MAC or the format of a {label.decode()}")
        return Reader(body[1:])

    def _mac(self, label: bytes, raw_id: bytes, body: bytes) -> bytes:
        return self._keys.record(label + raw_id + body)


def _encode(of: Link | PortalSession, began_at: int) -> bytes:
    return b"".join(
        (
            lp8(of.environment.encode()),
            lp8(of.org.encode()),
            lp8(of.intent.value.encode()),
            lp16(of.return_url.encode()),
            lp16(of.success_url.encode()),
            _TIMES.pack(began_at, of.ends_at),
        )
    )


def _link(link_id: bytes, reader: Reader) -> Link:
    """Raises ValueError."""
    environment, org, intent = (reader.lp8().decode() for _ in range(3))
    return_url, success_url = reader.lp16().decode(), reader.lp16().decode()
    made_at, ends_at = reader.number(8), reader.number(8)
    reader.finish()
    return Link(
        id=link_id,
        environment=EnvironmentId(environment),
        org=OrgId(org),
        intent=Intent(intent),
        return_url=return_url,
        success_url=success_url,
        made_at=made_at,
        ends_at=ends_at,
    )
