"""Data keys: made for callers who encrypt by themselves and keep the wrapped form. Nothing of them is stored."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from sealring.crypto.data_key import DataKey
from sealring.crypto.seal import check_commitment, commitment
from sealring.domain.codec import encode_data_key, parse_data_key
from sealring.domain.context import KeyContext
from sealring.domain.envelope import MESSAGE_ID_BYTES, DataKeyBlob, Header, Suite
from sealring.domain.events import Action, Event
from sealring.domain.ids import new_uuid, uuid_text
from sealring.domain.ports import AuditLog
from sealring.domain.principal import Caller, Permission
from sealring.errors import CiphertextRejected, IntegrityFailure
from sealring.keys.keyring import Keyring


@dataclass(frozen=True, slots=True)
class DataKeyPair:
    """A data key in clear, and wrapped for keeping."""

    id: str
    context: KeyContext = field(repr=False)
    secret: bytes = field(repr=False)  # 32 bytes
    wrapped: bytes = field(repr=False)


class DataKeys:
    """The use cases of data keys. Thread-safe."""

    def __init__(self, keyring: Keyring, audit: AuditLog) -> None:
        self._keyring = keyring
        self._audit = audit

    def create(self, caller: Caller, context: KeyContext) -> DataKeyPair:
        """Return a fresh data key. Raises Forbidden, as for objects; KeyFailure."""
        caller.principal.require(Permission.KEYS_USE)
        caller.principal.require_organization(context.organization)
        message_id = new_uuid() + os.urandom(MESSAGE_ID_BYTES - 16)
        with DataKey.fresh() as dek:
            return self._wrapped(dek, message_id, context, Action.DATA_KEY_CREATED, caller)

    def decrypt(self, caller: Caller, wrapped: bytes) -> DataKeyPair:
        """Return the data key of a blob. Raises CiphertextRejected; Forbidden; KeyFailure."""
        caller.principal.require(Permission.KEYS_USE)
        blob = self._parsed(caller, wrapped)
        while True:
            with self._unwrapped(caller, blob) as dek:
                if self._recorded(Action.DATA_KEY_DECRYPTED, blob, caller):
                    return DataKeyPair(uuid_text(blob.data_key_id), blob.context, bytes(dek.secret), wrapped)

    def rekey(self, caller: Caller, wrapped: bytes, context: KeyContext) -> DataKeyPair:
        """Return the same data key, with the same id, wrapped for another context."""
        caller.principal.require(Permission.KEYS_USE)
        caller.principal.require_organization(context.organization)
        blob = self._parsed(caller, wrapped)
        with self._unwrapped(caller, blob) as dek:
            return self._wrapped(dek, blob.header.message_id, context, Action.DATA_KEY_REKEYED, caller)

    def _wrapped(
        self, dek: DataKey, message_id: bytes, context: KeyContext, action: Action, caller: Caller
    ) -> DataKeyPair:
        while True:
            keys = self._keyring.route(caller, context)
            header = Header(
                suite=Suite.DATA_KEY,
                combine=keys.combine,
                message_id=message_id,
                environment=caller.principal.environment,
                org=context.organization,
                object_id=b"",
                version_id=b"",
                context_hash=context.digest,
            )
            wraps = self._keyring.wrap(dek, header, keys, context, caller)
            blob = DataKeyBlob(header, wraps, commitment(dek.secret, header), context)
            if self._recorded(action, blob, caller):
                return DataKeyPair(uuid_text(blob.data_key_id), context, bytes(dek.secret), encode_data_key(blob))

    def _parsed(self, caller: Caller, wrapped: bytes) -> DataKeyBlob:
        """Read a blob, which itself names its organization: one that the token lacks is Forbidden, not rejected."""
        try:
            blob = parse_data_key(wrapped)
        except ValueError as error:
            raise CiphertextRejected("format") from error
        if blob.header.environment != caller.principal.environment:
            raise CiphertextRejected("environment")
        caller.principal.require_organization(blob.header.org)
        return blob

    def _unwrapped(self, caller: Caller, blob: DataKeyBlob) -> DataKey:
        try:
            dek = self._keyring.unwrap(blob.header, blob.wraps, blob.context, caller)
            check_commitment(dek.secret, blob.header, blob.commitment)
        except IntegrityFailure as failure:
            raise CiphertextRejected(failure.reason) from failure
        return dek

    def _recorded(self, action: Action, blob: DataKeyBlob, caller: Caller) -> bool:
        """Store the event before the key leaves; say whether it may: no, where a binding has changed meanwhile."""
        header = blob.header
        epoch = self._audit.append(
            Event(
                action=action,
                environment=header.environment,
                org=header.org,
                actor=caller.actor,
                request_id=caller.request_id,
                target=uuid_text(blob.data_key_id),
                key_ids=tuple(uuid_text(wrap.kek_id) for wrap in blob.wraps),
            )
        )
        return self._keyring.is_current(header.environment, header.org, epoch)
