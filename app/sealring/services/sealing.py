"""Sealing values of objects: a fresh data key for each, alive only inside its with-block."""

from __future__ import annotations

import os

from sealring.crypto.data_key import DataKey
from sealring.crypto.seal import open_sealed, seal
from sealring.domain.context import KeyContext
from sealring.domain.envelope import MESSAGE_ID_BYTES, Envelope, Header, Suite
from sealring.domain.ids import ObjectId, new_uuid
from sealring.domain.principal import Caller
from sealring.keys.keyring import Keyring


class Sealing:
    """Values in, envelopes out, and back. Thread-safe."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, value: bytes, object_id: ObjectId, context: KeyContext, caller: Caller, epoch: int) -> Envelope:
        """Seal `value` as a new version, by the bindings of `epoch`. Raises KeyFailure; then nothing may be stored."""
        keys = self._keyring.route(caller, context, epoch)
        header = Header(
            suite=Suite.OBJECT,
            combine=keys.combine,
            message_id=os.urandom(MESSAGE_ID_BYTES),
            environment=caller.principal.environment,
            org=context.organization,
            object_id=object_id.raw,
            version_id=new_uuid(),
            context_hash=context.digest,
        )
        with DataKey.fresh() as dek:
            wraps = self._keyring.wrap(dek, header, keys, context, caller)
            return seal(value, dek=dek.secret, header=header, wraps=wraps)

    def open(self, envelope: Envelope, context: KeyContext, caller: Caller) -> bytes:
        """Return the value. Raises KeyFailure; IntegrityFailure for whatever we did not seal in this place."""
        with self._keyring.unwrap(envelope.header, envelope.wraps, context, caller) as dek:
            return open_sealed(envelope, dek.secret)

    def is_current(self, envelope: Envelope, epoch: int) -> bool:
        """Whether an opened value may be answered: no binding has changed until `epoch`, which was read since."""
        return self._keyring.is_current(envelope.header.environment, envelope.header.org, epoch)
