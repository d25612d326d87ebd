"""Sealing and opening the values of objects, by a data key that lives only inside its with-block."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sealring.crypto.data_key import DataKey
from sealring.crypto.seal import open_sealed, seal
from sealring.domain.context import KeyContext
from sealring.domain.decision import Decision, Epoch
from sealring.domain.envelope import MESSAGE_ID_BYTES, Envelope, Header, Suite
from sealring.domain.ids import EnvironmentId, ObjectId, OrgId, new_uuid
from sealring.domain.kek import KekUse
from sealring.domain.principal import Caller
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring


class Sealing:
    """Values in, envelopes out, and back. Thread-safe."""

    def __init__(self, keyring: Keyring, bound: Decisions) -> None:
        self._keyring = keyring
        self._bound = bound

    def prepare(self, environment: EnvironmentId, org: OrgId) -> None:
        """See that the organization has an epoch: one that is made while a write watches it lets that begin again."""
        self._bound.decision(environment, org)

    def seal(
        self, value: bytes, object_id: ObjectId, context: KeyContext, caller: Caller, epoch: Epoch | None
    ) -> tuple[Envelope, Sequence[KekUse]]:
        """Seal `value` as a new version, by the bindings of `epoch`, which the writer watches.

        Return the envelope, and the uses of KEKs to count with it. Raises KeyFailure; then nothing may be stored.
        """
        decision = self._bound.at(caller.principal.environment, context.organization, epoch)
        keys = self._keyring.route(context, decision)
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
            return seal(value, dek=dek.secret, header=header, wraps=wraps), self._keyring.uses(keys, wraps)

    def decision(self, envelope: Envelope) -> Decision:
        """Return what is known of the bindings of an envelope's organization."""
        return self._bound.decision(envelope.header.environment, envelope.header.org)

    def renewed(self, decision: Decision) -> Decision:
        """Return the newest decision in the place of one that does not hold any more."""
        return self._bound.renewed(decision.environment, decision.org)

    def open(
        self, envelope: Envelope, context: KeyContext, caller: Caller, decision: Decision
    ) -> tuple[bytes, Decision]:
        """Return the value, and the decision that opened it: the same, or a newer one where the same refuses.

        Raises KeyFailure; IntegrityFailure for whatever we did not seal in this place.
        """

        def opened(decision: Decision) -> bytes:
            with self._keyring.unwrap(envelope.header, envelope.wraps, context, caller, decision) as dek:
                return open_sealed(envelope, dek.secret)

        return self._bound.by(decision, opened)
