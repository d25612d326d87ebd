"""Identifiers: their shapes, creation and parsing."""

from __future__ import annotations

import os
import re
import time
import uuid
from dataclasses import dataclass
from typing import NewType, Self

OrgId = NewType("OrgId", str)  # checked by org_id()
EnvironmentId = NewType("EnvironmentId", str)  # checked by environment_id()

NO_ORG = OrgId("")  # the owner of objects whose context names no organization

MAX_PARTITIONS = 4096  # a Home has 12 bits for its partition
HOME_BYTES = 4
OBJECT_ID_BYTES = 16

_ORG = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OBJECT = re.compile(r"secret_[0-9A-F]{32}")
ULID_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_ENVIRONMENT = re.compile(rf"environment_[0-7][{ULID_ALPHABET}]{{25}}")


def org_id(text: str) -> OrgId | None:
    """Return `text` as an organization id, or None. 1 to 64 of `[A-Za-z0-9_-]`, since key names contain it."""
    return OrgId(text) if _ORG.fullmatch(text) else None


def environment_id(text: str) -> EnvironmentId | None:
    """Return `text` as an environment id (`environment_` and a ULID), or None."""
    return EnvironmentId(text) if _ENVIRONMENT.fullmatch(text) else None


def new_environment_id() -> EnvironmentId:
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    ulid = "".join(ULID_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
    return EnvironmentId(f"environment_{ulid}")


@dataclass(frozen=True, slots=True)
class Home:
    """Where the keys of an organization are: 12 bits of partition, then a keyed 20-bit tag of the organization.

    Ids of its objects and bindings begin with it. Rarely, two organizations of a partition have the same home.
    """

    raw: bytes  # 4 bytes

    @classmethod
    def of(cls, partition: int, tag: int) -> Self:
        return cls((partition << 20 | tag).to_bytes(HOME_BYTES, "big"))

    @property
    def partition(self) -> int:
        return self.raw[0] << 4 | self.raw[1] >> 4


@dataclass(frozen=True, slots=True)
class ObjectId:
    """`secret_` and 32 upper-case hex digits: the home of its organization, then 96 random bits."""

    raw: bytes  # 16 bytes

    @classmethod
    def new(cls, home: Home) -> Self:
        return cls(home.raw + os.urandom(16 - HOME_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        return cls(bytes.fromhex(text[7:])) if _OBJECT.fullmatch(text) else None

    @property
    def home(self) -> Home:
        return Home(self.raw[:HOME_BYTES])

    @property
    def partition(self) -> int:
        return self.raw[0] << 4 | self.raw[1] >> 4

    def __str__(self) -> str:
        return f"secret_{self.raw.hex().upper()}"


def parse_uuid(text: str) -> bytes | None:
    """Return the 16 bytes of a UUID in its usual 36-character form, or None."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return None
    return parsed.bytes if str(parsed) == text.lower() else None


def uuid_text(raw: bytes) -> str:
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_uuid(size: int = 16) -> bytes:
    """Return `size` random bytes, the first 16 of which are a UUID (version 4, RFC 9562 5.4)."""
    raw = bytearray(os.urandom(size))
    raw[6] = 0x40 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return bytes(raw)
