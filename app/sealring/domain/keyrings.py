"""Keyrings: named sets of data keys (DEKs) that the server keeps, and encrypts with."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass, field
from functools import cached_property
from typing import NewType

from sealring.domain.ids import NO_ORG, EnvironmentId, OrgId, org_id
from sealring.domain.wire import lp16
from sealring.errors import InvalidBody

DekId = NewType("DekId", str)  # checked by dek_id()

MAX_NAME_BYTES = 512
MAX_DEKS = 10_000  # of a keyring that are made on demand; in the store they are one record, whose time is everybody's
MAX_ENCRYPTIONS = 1 << 30  # of one DEK; NIST SP 800-38D 8.3 allows 2**32 random nonces under a key
LATEST = "LATEST"  # the name of the newest DEK in a bucket, and no id

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DEK_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ALPHABET = string.ascii_letters + string.digits
_RANDOM_CHARACTERS = 9


@dataclass(frozen=True)
class Keyring:
    """The name of a keyring: at most 512 bytes of UTF-8 without control characters. Slashes are allowed.

    Raises InvalidBody for any other name.
    """

    name: str = field(repr=False)

    def __post_init__(self) -> None:
        if _CONTROL.search(self.name):
            raise InvalidBody("The name of the keyring has a control character. Send a name without one.")
        try:
            size = len(self.name.encode())
        except UnicodeEncodeError:
            raise InvalidBody("The name of the keyring has a lone surrogate. Send valid Unicode.") from None
        if size > MAX_NAME_BYTES:
            raise InvalidBody(f"The name of the keyring is over {MAX_NAME_BYTES} bytes. Send a shorter one.")

    @cached_property
    def organization(self) -> OrgId | None:
        """The organization that the keyring belongs to: what precedes the first slash, if that can be its id."""
        return org_id(self.name.partition("/")[0])


@dataclass(frozen=True)
class OwnedKeyring:
    """A keyring of an environment."""

    environment: EnvironmentId
    ring: Keyring

    @cached_property
    def org(self) -> OrgId:
        """The organization of the keyring, or NO_ORG."""
        return self.ring.organization or NO_ORG

    @cached_property
    def encoded(self) -> bytes:
        """The bytes that name the keyring in digests and MACs. Injective."""
        return lp16(self.environment.encode()) + lp16(self.ring.name.encode())


@dataclass(frozen=True, slots=True)
class DekName:
    """What a wrapped DEK is bound to."""

    ring: OwnedKeyring
    id: DekId
    created_at: int  # milliseconds since 1970


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted value: the bytes of an envelope, and the id of its DEK."""

    encrypted: bytes
    key_id: DekId


@dataclass(frozen=True, slots=True)
class DekInfo:
    """What is known of a DEK without opening it."""

    id: DekId
    created_at: int  # milliseconds since 1970
    keks: tuple[str, ...]  # the ids of the KEKs that it is wrapped under
    latest: bool  # new values are encrypted under it
    encryptions: int = 0  # counted so far


def dek_id(text: str) -> DekId | None:
    """Return `text` as the id of a DEK, or None. Old services made ids of several lengths."""
    return DekId(text) if _DEK_ID.fullmatch(text) and text != LATEST else None


def new_dek_id() -> DekId:
    return DekId("dek_" + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS)))
