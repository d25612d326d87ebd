"""The portal, pages for a customer's administrator: links to it, and the sessions that they begin."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from sealring.domain.ids import EnvironmentId, OrgId, uuid_text
from sealring.domain.principal import Caller, Permission, Principal

SECRET_BYTES = 32
ISSUER = "urn:sealring:portal"
MAX_SESSION_S = 86_400

# Nothing of objects, data keys or keyrings: not even their names.
PERMISSIONS = frozenset({Permission.BINDINGS_MANAGE, Permission.USAGE_READ})

_PARTITION_BYTES = 2
_TOKEN = re.compile(r"[A-Za-z0-9_-]{46}")


class Intent(StrEnum):
    """What a link is for."""

    BRING_YOUR_OWN_KEY = "bring_your_own_key"


@dataclass(frozen=True, slots=True)
class PortalToken:
    """The secret of a link or of a session: 32 random bytes, with the partition where it is stored.

    The store knows only a keyed digest of it.
    """

    partition: int
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls, partition: int) -> Self:
        return cls(partition, os.urandom(SECRET_BYTES))

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a text that anybody may have sent. One that is no token becomes a token that nobody has.

        So it is looked for as any other is: the time of the answer does not tell how much of a text was right.
        """
        raw = _decoded(text) if _TOKEN.fullmatch(text) else b""
        return cls(int.from_bytes(raw[:_PARTITION_BYTES], "big"), raw[_PARTITION_BYTES:])

    @property
    def encoded(self) -> bytes:
        return self.partition.to_bytes(_PARTITION_BYTES, "big") + self.secret

    @property
    def text(self) -> str:
        """46 characters of URL-safe base64."""
        return base64.urlsafe_b64encode(self.encoded).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Link:
    """A link to the portal, as long as nobody has used it. Times are the store's, in microseconds."""

    id: bytes  # 16 bytes; does not open it
    environment: EnvironmentId
    org: OrgId
    intent: Intent
    return_url: str  # where the pages lead back to; empty: nowhere
    success_url: str  # likewise, when the intent is done
    made_at: int
    ends_at: int

    @property
    def text_id(self) -> str:
        return uuid_text(self.id)


@dataclass(frozen=True, slots=True)
class PortalSession:
    """A session of whoever used a link, for what the link was for. Times are the store's, in microseconds."""

    id: bytes  # 16 bytes; does not open it
    link_id: bytes  # 16 bytes
    environment: EnvironmentId
    org: OrgId
    intent: Intent
    return_url: str
    success_url: str
    began_at: int
    ends_at: int

    @classmethod
    def of(cls, link: Link, session_id: bytes, began_at: int, ends_at: int) -> Self:
        return cls(
            id=session_id,
            link_id=link.id,
            environment=link.environment,
            org=link.org,
            intent=link.intent,
            return_url=link.return_url,
            success_url=link.success_url,
            began_at=began_at,
            ends_at=ends_at,
        )

    @property
    def text_id(self) -> str:
        return uuid_text(self.id)

    @property
    def partition(self) -> int:
        return partition_of(self.id)

    @property
    def principal(self) -> Principal:
        """Who acts in the session: may manage the bindings of its one organization and see what it uses, no more."""
        return Principal(
            issuer=ISSUER,
            subject=self.text_id,
            name="portal",
            environment=self.environment,
            organizations=frozenset({self.org}),
            permissions=PERMISSIONS,
            token_id=uuid_text(self.link_id),
            issued_at=self.began_at // 1_000_000,
        )

    def caller(self, request_id: str, source: str = "") -> Caller:
        """Return the session in one request. `source` is the class of the caller's address."""
        return Caller(self.principal, request_id, source=source)


def id_of(partition: int, digest: bytes) -> bytes:
    """Return the id of a link or a session: the partition, then 14 bytes of the digest of its token."""
    return partition.to_bytes(_PARTITION_BYTES, "big") + digest[_PARTITION_BYTES:]


def partition_of(raw_id: bytes) -> int:
    return int.from_bytes(raw_id[:_PARTITION_BYTES], "big")


def _decoded(text: str) -> bytes:
    """Return the bytes of a token; none if it is not in the form of `PortalToken.text`."""
    try:
        raw = base64.b64decode(f"{text}==", altchars=b"-_", validate=True)
    except binascii.Error:
        return b""
    return raw if base64.urlsafe_b64encode(raw).decode().rstrip("=") == text else b""
