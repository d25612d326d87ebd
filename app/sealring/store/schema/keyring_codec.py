"""The bytes of a keyring in the store: a hash with a head, under the empty field, and a record for each DEK, by id.

    head     format u8 ‖ lp8(environment) ‖ lp16(name) ‖ lp8(id of the newest DEK) ‖ number of DEKs u32 ‖ MAC 16
    DEK      format u8 ‖ an EncryptedDataEncryptionKey ‖ MAC 16

Each MAC also covers the digest that names the keyring, and that of a DEK its id. The number in the head tells if a DEK
was removed.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.domain.ids import environment_id
from sealring.domain.keyrings import DekId, Keyring, OwnedKeyring, dek_id
from sealring.domain.wire import MalformedBytes, Reader, lp8, lp16
from sealring.errors import IntegrityFailure, InvalidBody

HEAD = b""  # the field

_FORMAT = b"\x01"


@dataclass(frozen=True, slots=True)
class KeyringHead:
    """What a keyring's hash says of itself."""

    ring: OwnedKeyring
    latest: DekId
    deks: int


class KeyringCodec:
    """Decoding raises IntegrityFailure for anything that we did not write for that keyring."""

    def __init__(self, keys: StoreKeys) -> None:
        self._keys = keys

    def encode_head(self, digest: bytes, head: KeyringHead) -> bytes:
        body = b"".join(
            (
                _FORMAT,
                lp8(head.ring.environment.encode()),
                lp16(head.ring.ring.name.encode()),
                lp8(head.latest.encode()),
                head.deks.to_bytes(4, "big"),
            )
        )
        return body + self._keys.record(b"keyring" + digest + body)

    def decode_head(self, digest: bytes, raw: bytes) -> KeyringHead:
        reader = Reader(self._authentic(b"keyring" + digest, raw))
        try:
            _known(reader.take(1))
            environment, name = environment_id(reader.lp8().decode()), reader.lp16().decode()
            latest, count = dek_id(reader.lp8().decode()), reader.number(4)
            reader.finish()
            if environment is None or latest is None:
                raise MalformedBytes("an id of another form")
            return KeyringHead(OwnedKeyring(environment, Keyring(name)), latest, count)
        except (ValueError, InvalidBody) as error:
            raise IntegrityFailure("the head of a keyring") from error

    def encode_dek(self, digest: bytes, key_id: DekId, record: bytes) -> bytes:
        body = _FORMAT + record
        return body + self._keys.record(_dek_place(digest, key_id) + body)

    def decode_dek(self, digest: bytes, key_id: DekId, raw: bytes) -> bytes:
        body = self._authentic(_dek_place(digest, key_id), raw)
        try:
            _known(body[:1])
        except MalformedBytes as error:
            raise IntegrityFailure("the DEK of a keyring") from error
        return body[1:]

    def _authentic(self, place: bytes, raw: bytes) -> bytes:
        body, mac = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
        if not hmac.compare_digest(self._keys.record(place + body), mac):
            raise IntegrityFailure("record MAC")
        return body


def field_id(field: bytes) -> DekId:
    """Return the DEK of a field that is not the head's. Raises IntegrityFailure if no DEK can have it."""
    found = dek_id(field.decode("ascii", "replace"))
    if found is None:
        raise IntegrityFailure("the DEK of a keyring")
    return found


def _dek_place(digest: bytes, key_id: DekId) -> bytes:
    return b"".join((b"keyring DEK", digest, lp8(key_id.encode())))


def _known(form: bytes) -> None:
    if form != _FORMAT:
        raise MalformedBytes("a format that this version does not know")
