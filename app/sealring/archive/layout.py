"""The keys of objects in a bucket of keyrings, as other servers of vault.v1 have them.

    keyring/<keyring>/<id of the DEK>    an EncryptedDataEncryptionKey
    keyring/<keyring>/LATEST             a copy of the newest one

The keyring stands there literally, slashes and all. An id has no slash, so that each key has one reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sealring.domain.keyring_codec import parse_wrapped_dek
from sealring.domain.keyrings import LATEST, DekId, Keyring, OwnedKeyring, dek_id
from sealring.errors import IntegrityFailure, InvalidBody

ALL = "keyring/"

_UNLISTED = re.compile("[\N{REPLACEMENT CHARACTER}-\uffff]")


@dataclass(frozen=True, slots=True)
class Place:
    """Which DEK an object holds; None: the newest one of the keyring."""

    ring: Keyring
    dek: DekId | None


def is_path(ring: OwnedKeyring) -> bool:
    """Whether the keys stay what they are if somebody takes them for paths."""
    return {"", ".", ".."}.isdisjoint(ring.ring.name.split("/"))


def is_listed(ring: Keyring) -> bool:
    """Whether lists of objects, which are XML, have the name as it is.

    U+FFFE and U+FFFF are no characters of XML (section 2.2). Some storages put U+FFFD in their place, so that a name
    with it may be another one.
    """
    return _UNLISTED.search(ring.name) is None


def prefix_of(ring: OwnedKeyring) -> str:
    """What all keys of a keyring begin with. Those of a keyring below it have another slash after it."""
    return f"{ALL}{ring.ring.name}/"


def key_of(ring: OwnedKeyring, dek: DekId) -> str:
    return prefix_of(ring) + dek


def latest_of(ring: OwnedKeyring) -> str:
    return prefix_of(ring) + LATEST


def place_of(key: str) -> Place | None:
    """Return what an object below `keyring/` is; None for a folder, as browsers of buckets make them.

    Raises IntegrityFailure for anything else.
    """
    name, slash, last = key.removeprefix(ALL).rpartition("/")
    if not last:
        return None
    dek = dek_id(last)
    if not slash or (dek is None and last != LATEST):
        raise IntegrityFailure(f"an object in the bucket that is no key of a keyring: {key!r}")
    try:
        return Place(Keyring(name), dek)
    except InvalidBody as error:
        raise IntegrityFailure(f"an object in the bucket under a name that no keyring can have: {key!r}") from error


def id_in(record: bytes) -> DekId:
    """Return the id that a record has. Raises IntegrityFailure if it has none that could name an object."""
    try:
        found = dek_id(parse_wrapped_dek(record).id)
    except ValueError as error:
        raise IntegrityFailure("the newest DEK of a keyring in the bucket") from error
    if found is None:
        raise IntegrityFailure("the id of the newest DEK of a keyring in the bucket")
    return found
