"""Sealing and opening the values of objects, under a data key that lives only inside its with-block."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.crypto.data_key import DataKey
from sealring.crypto.seal import open_sealed, seal
from sealring.domain.context import KeyContext
from sealring.domain.decision import Decision, Epoch
from sealring.domain.envelope import MESSAGE_ID_BYTES, Envelope, Header
from sealring.domain.ids import EnvironmentId, ObjectId, OrgId, new_uuid
from sealring.domain.kek import KekUse, Sealed
from sealring.domain.principal import Caller
from sealring.fibers import heavy
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring


class Sealing:
    """Seals values into envelopes, and opens them. Thread-safe."""

    def __init__(self, keyring: Keyring, bound: Decisions) -> None:
        self._keyring = keyring
        self._bound = bound

    def prepare(self, environment: EnvironmentId, org: OrgId) -> None:
        """Make sure that the organization has an epoch: a new one during a write would make the write start again."""
        self._bound.decision(environment, org)

    def seal(
        self, value: bytes, object_id: ObjectId, context: KeyContext, caller: Caller, epoch: Epoch | None
    ) -> tuple[Envelope, Sequence[KekUse]]:
        """Seal `value` as a new version, under the bindings of `epoch`, which the writer watches.

        Return the envelope, and the KEK uses to count with it. Raises KeyFailure; then the caller must store nothing.
        """
        decision = self._bound.at(caller.principal.environment, context.organization, epoch)
        keys = self._keyring.route(context, decision)
        message_id = new_uuid(MESSAGE_ID_BYTES)
        header = Header.of_object(keys.combine, message_id, caller.principal.environment, object_id.raw, context)
        with DataKey.fresh() as dek:
            wraps = self._keyring.wrap(dek, header, keys, context, caller)
            sealed = heavy(lambda: seal(value, dek=dek.secret, header=header, wraps=wraps), len(value))
            return sealed, self._keyring.uses(keys, wraps, Sealed.VERSION)

    def decision(self, envelope: Envelope) -> Decision:
        """Return the last known decision for an envelope's organization."""
        return self._bound.decision(envelope.header.environment, envelope.header.org)

    def renewed(self, decision: Decision) -> Decision:
        """Return the newest decision, to replace one that no longer holds."""
        return self._bound.renewed(decision.environment, decision.org)

    def open(
        self, envelope: Envelope, context: KeyContext, caller: Caller, decision: Decision
    ) -> tuple[bytes, Decision]:
        """Return the value, and the decision that opened it: the given one, or a newer one if the given one refuses.

        Raises KeyFailure; IntegrityFailure for an envelope that we did not seal for this place.
        """

        def opened(decision: Decision) -> bytes:
            with self._keyring.unwrap(envelope.header, envelope.wraps, context, caller, decision) as dek:
                return heavy(lambda: open_sealed(envelope, dek.secret), len(envelope.ciphertext))

        return self._bound.by(decision, opened)
