"""Data keys for callers who encrypt by themselves. They keep the wrapped key; the server stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sealring.crypto.blob_mac import genuine, signed
from sealring.crypto.data_key import DataKey
from sealring.crypto.seal import checked, commitment
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.codec import encode_data_key, parse_data_key
from sealring.domain.context import KeyContext
from sealring.domain.decision import Decision, Epoch
from sealring.domain.envelope import MESSAGE_ID_BYTES, DataKeyBlob, Header
from sealring.domain.events import Action, Event
from sealring.domain.ids import OrgId, new_uuid, uuid_text
from sealring.domain.kek import KekUse, Sealed
from sealring.domain.ports import AuditLog
from sealring.domain.principal import Caller, Permission
from sealring.errors import CiphertextRejected, IntegrityFailure
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring


@dataclass(frozen=True, slots=True)
class DataKeyPair:
    """A data key in plaintext, and its wrapped form."""

    id: str
    context: KeyContext = field(repr=False)
    secret: bytes = field(repr=False)  # 32 bytes
    wrapped: bytes = field(repr=False)


class DataKeys:
    """The use cases of data keys. Thread-safe."""

    def __init__(self, keyring: Keyring, bound: Decisions, audit: AuditLog, keys: StoreKeys) -> None:
        self._keyring = keyring
        self._bound = bound
        self._audit = audit
        self._keys = keys

    def create(self, caller: Caller, context: KeyContext) -> DataKeyPair:
        """Return a fresh data key. Raises Forbidden if the token lacks the context's organization; KeyFailure."""
        caller.principal.require(Permission.KEYS_USE)
        caller.principal.require_organization(context.organization)
        caller.acts_for(context.organization)
        message_id = new_uuid(MESSAGE_ID_BYTES)
        decision = self._decision(caller, context.organization)
        with DataKey.fresh() as dek:
            while True:
                (blob, uses), decision = self._wrapped(dek, message_id, context, caller, decision)
                if decision.holds_at(self._recorded(Action.DATA_KEY_CREATED, blob, caller, uses)):
                    return self._pair(dek, blob)
                caller = caller.again()
                decision = self._renewed(decision)

    def decrypt(self, caller: Caller, wrapped: bytes) -> DataKeyPair:
        """Return the data key of a blob. Raises CiphertextRejected; KeyFailure."""
        caller.principal.require(Permission.KEYS_USE)
        blob = self._parsed(caller, wrapped)
        decision = self._decision(caller, blob.header.org)
        while True:
            dek, decision = self._unwrapped(caller, blob, decision)
            with dek:
                if decision.holds_at(self._recorded(Action.DATA_KEY_DECRYPTED, blob, caller)):
                    return DataKeyPair(uuid_text(blob.data_key_id), blob.context, bytes(dek.secret), wrapped)
            caller = caller.again()
            decision = self._renewed(decision)

    def rekey(self, caller: Caller, wrapped: bytes, context: KeyContext) -> DataKeyPair:
        """Return the same data key, with the same id, wrapped for another context.

        The bindings of both organizations have to allow it when its events are stored. Raises CiphertextRejected;
        Forbidden; KeyFailure.
        """
        caller.principal.require(Permission.KEYS_USE)
        caller.principal.require_organization(context.organization)
        caller.acts_for(context.organization)
        old = self._parsed(caller, wrapped)
        source = self._decision(caller, old.header.org)
        target = self._decision(caller, context.organization)
        while True:
            dek, source = self._unwrapped(caller, old, source)
            with dek:
                (new, uses), target = self._wrapped(dek, old.header.message_id, context, caller, target)
                wrapped_at = opened_at = self._recorded(Action.DATA_KEY_REKEYED, new, caller, uses)
                if source.org != target.org:
                    opened_at = self._recorded(Action.DATA_KEY_DECRYPTED, old, caller)
                if source.holds_at(opened_at) and target.holds_at(wrapped_at):
                    return self._pair(dek, new)
            caller = caller.again()
            source, target = self._renewed(source), self._renewed(target)

    def _decision(self, caller: Caller, org: OrgId) -> Decision:
        return self._bound.decision(caller.principal.environment, org)

    def _renewed(self, decision: Decision) -> Decision:
        return self._bound.renewed(decision.environment, decision.org)

    def _wrapped(
        self, dek: DataKey, message_id: bytes, context: KeyContext, caller: Caller, decision: Decision
    ) -> tuple[tuple[DataKeyBlob, Sequence[KekUse]], Decision]:
        """Wrap under the keys of a decision. Return the blob, the KEK uses to count, and the decision that was used."""

        def wrap(decision: Decision) -> tuple[DataKeyBlob, Sequence[KekUse]]:
            keys = self._keyring.route(context, decision)
            header = Header.of_data_key(keys.combine, message_id, decision.environment, context)
            wraps = self._keyring.wrap(dek, header, keys, context, caller)
            uses = self._keyring.uses(keys, wraps, Sealed.DATA_KEY)
            return DataKeyBlob(header, wraps, commitment(dek.secret, header), context), uses

        return self._bound.by(decision, wrap)

    def _parsed(self, caller: Caller, wrapped: bytes) -> DataKeyBlob:
        """Raises the same CiphertextRejected for garbage and a blob of another organization, environment or server."""
        try:
            blob = parse_data_key(genuine(self._keys, wrapped))
        except IntegrityFailure as failure:
            raise CiphertextRejected(failure.reason) from failure
        except ValueError as error:
            raise CiphertextRejected("format") from error
        if not caller.principal.may_see(blob.header.environment, blob.header.org):
            raise CiphertextRejected("organization")
        caller.acts_for(blob.header.org)
        return blob

    def _unwrapped(self, caller: Caller, blob: DataKeyBlob, decision: Decision) -> tuple[DataKey, Decision]:
        def unwrap(decision: Decision) -> DataKey:
            dek = self._keyring.unwrap(blob.header, blob.wraps, blob.context, caller, decision)
            return checked(dek, blob.header, blob.commitment)

        try:
            return self._bound.by(decision, unwrap)
        except IntegrityFailure as failure:
            raise CiphertextRejected(failure.reason) from failure

    def _pair(self, dek: DataKey, blob: DataKeyBlob) -> DataKeyPair:
        wrapped = signed(self._keys, encode_data_key(blob))
        return DataKeyPair(uuid_text(blob.data_key_id), blob.context, bytes(dek.secret), wrapped)

    def _recorded(self, action: Action, blob: DataKeyBlob, caller: Caller, uses: Sequence[KekUse] = ()) -> Epoch | None:
        """Store the event before the key is sent, and return the epoch of its organization."""
        header = blob.header
        return self._audit.append(
            Event(
                action=action,
                environment=header.environment,
                org=header.org,
                origin=caller.origin,
                target=uuid_text(blob.data_key_id),
                context=blob.context,
                keys=blob.keys,
            ),
            uses,
        )
