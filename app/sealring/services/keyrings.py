"""The use cases of keyrings: encrypt, decrypt, encrypt anew, rotate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from sealring.crypto.keyring_cipher import KeyringCipher
from sealring.domain.decision import Decision, Epoch
from sealring.domain.events import Action, Event
from sealring.domain.keyring_codec import kek_ids, parse_envelope
from sealring.domain.keyring_ports import KeyringLog
from sealring.domain.keyrings import DekId, DekInfo, Keyring, OwnedKeyring, Sealed
from sealring.domain.principal import Caller, Permission
from sealring.errors import EnvelopeRejected, IntegrityFailure, InvalidBody, KeyDeadlineExceeded
from sealring.fibers import heavy
from sealring.keys.decisions import Decisions
from sealring.keys.recent_deks import KnownDek
from sealring.many import bare, paced
from sealring.services.keyring_events import event_of
from sealring.services.keyring_rules import KeyringRules
from sealring.services.newest_deks import Deks

T = TypeVar("T")

MAX_DEKS = 1_000  # of the values of one call; each may need a call of a key, and has an event
_ITEM_BYTES = 2_048  # the time of a small item compares to that of encrypting so many bytes


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    """What may leave once its events are stored, and the DEK that it was encrypted under, with the number of values."""

    result: T = field(repr=False)
    events: Sequence[Event]
    dek: KnownDek | None = None
    encryptions: int = 0


_Work = Callable[[Decision, Caller], _Answer[T] | None]


class Keyrings:
    """Thread-safe. Methods raise Forbidden; StoreError; KeyFailure; IntegrityFailure for a stored DEK.

    An answer leaves only if what it was decided on still holds at the epoch that the store returned with its event.
    """

    def __init__(self, deks: Deks, bound: Decisions, log: KeyringLog, rules: KeyringRules) -> None:
        self._deks = deks
        self._bound = bound
        self._log = log
        self._algorithm = rules.algorithm

    def encrypt(self, ring: Keyring, data: bytes, caller: Caller) -> Sealed:
        """Raises QuotaExceeded if a DEK would have to be made for it."""
        return self.encrypt_all(ring, {"": data}, caller)[""]

    def decrypt(self, ring: Keyring, encrypted: bytes, caller: Caller) -> bytes:
        """Raises EnvelopeRejected for what the keyring did not encrypt."""
        return self.decrypt_all(ring, {"": encrypted}, caller)[""]

    def encrypt_all(self, ring: Keyring, items: Mapping[str, bytes], caller: Caller) -> Mapping[str, Sealed]:
        """Encrypt all items under one DEK, or none. If there are no items, no DEK is made. Raises QuotaExceeded."""
        owned = self._admitted(ring, caller, len(items))

        def sealed(decision: Decision, caller: Caller) -> _Answer[Mapping[str, Sealed]] | None:
            dek = self._deks.newest(owned, decision, caller, len(items))
            if dek is None:
                return None
            cipher = self._deks.cipher(owned, dek, decision, caller)
            result = self._sealed(items, dek.id, cipher)
            event = event_of(Action.KEYRING_ENCRYPTED, owned, caller, dek, detail=_counted(len(items)))
            return _Answer(result, (event,), dek, len(items))

        return self._answered(owned, caller, sealed) if items else {}

    def decrypt_all(self, ring: Keyring, items: Mapping[str, bytes], caller: Caller) -> Mapping[str, bytes]:
        """Raises EnvelopeRejected if one of the items is not one that the keyring encrypted."""
        owned = self._admitted(ring, caller, len(items))

        def opened(decision: Decision, caller: Caller) -> _Answer[Mapping[str, bytes]]:
            opening = _Opening(self._deks, owned, decision, caller)
            return _Answer(paced(items, opening.open, _ITEM_BYTES, len), tuple(opening.events()))

        return self._answered(owned, caller, opened) if items else {}

    def decrypt_each(
        self, ring: Keyring, items: Mapping[str, bytes | EnvelopeRejected], caller: Caller
    ) -> Mapping[str, bytes | EnvelopeRejected]:
        """Return the plaintext of each item, or why it was refused: what cannot be read keeps its refusal."""
        owned = self._admitted(ring, caller, len(items))

        def opened(decision: Decision, caller: Caller) -> _Answer[Mapping[str, bytes | EnvelopeRejected]]:
            opening = _Opening(self._deks, owned, decision, caller)
            return _Answer(paced(items, opening.tried, _ITEM_BYTES, _size), tuple(opening.events()))

        return self._answered(owned, caller, opened) if items else {}

    def re_encrypt(self, ring: Keyring, encrypted: bytes, key_id: str | None, caller: Caller) -> Sealed:  # noqa: ARG002
        """Encrypt the same plaintext under the newest DEK. `key_id` is ignored, as by other servers of vault.v1.

        Raises EnvelopeRejected for what the keyring did not encrypt; QuotaExceeded.
        """
        owned = self._admitted(ring, caller)
        self._deks.drop_newest(owned)

        def resealed(decision: Decision, caller: Caller) -> _Answer[Sealed] | None:
            plaintext = _Opening(self._deks, owned, decision, caller).open(encrypted)
            dek = self._deks.newest(owned, decision, caller, 1)
            if dek is None:
                return None
            cipher = self._deks.cipher(owned, dek, decision, caller)
            result = self._sealed({"": plaintext}, dek.id, cipher)
            return _Answer(result[""], (event_of(Action.KEYRING_REENCRYPTED, owned, caller, dek),), dek, 1)

        return self._answered(owned, caller, resealed)

    def rotate(self, ring: Keyring, caller: Caller) -> DekInfo:
        """Make a new DEK. A value whose encryption begins after the answer is not encrypted under an older one.

        Raises QuotaExceeded.
        """
        owned = self._admitted(ring, caller)
        while True:
            decision = self._bound.renewed(owned.environment, owned.org)
            with self._refusals_audited(owned, caller):
                dek, _ = self._bound.by(decision, partial(self._rotated, owned, caller))
            if dek is not None:
                self._bound.renewed(owned.environment, owned.org)
                return DekInfo(dek.id, dek.created_at, kek_ids(dek.record), latest=True)
            caller = caller.again()

    def _rotated(self, ring: OwnedKeyring, caller: Caller, decision: Decision) -> KnownDek | None:
        return self._deks.rotated(ring, decision, caller)

    def _admitted(self, ring: Keyring, caller: Caller, items: int = 1) -> OwnedKeyring:
        """Check the caller, and count the items as so many requests. Raises Forbidden, LimitError."""
        caller.principal.require(Permission.KEYRINGS_USE)
        caller.principal.require_keyring(ring)
        owned = OwnedKeyring(caller.principal.environment, ring)
        caller.count(items)
        caller.items_for(owned.org, items)
        return owned

    def _answered(self, ring: OwnedKeyring, caller: Caller, work: _Work[T]) -> T:
        """Do the work under a decision, store its events, and return its result if the decision still holds.

        The work begins again under the newest decision if it returns None.
        """
        decision = self._bound.decision(ring.environment, ring.org)
        while True:
            with self._refusals_audited(ring, caller):
                answer, decision = self._bound.by(decision, partial(_asked, work, caller))
            if answer is not None and decision.holds_at(self._recorded(ring, answer)):
                return answer.result
            caller = caller.again()
            decision = self._bound.renewed(ring.environment, ring.org)

    def _recorded(self, ring: OwnedKeyring, answer: _Answer[T]) -> Epoch | None:
        """Store the events of an answer, and return the epoch of the keyring's organization.

        None if the store has lost the DEK that encrypted: then no other worker would open what it encrypted.
        """
        dek = answer.dek
        if dek is None:
            return self._log.used(ring, answer.events, {}).epoch
        used = self._log.used(ring, answer.events, {dek.id: answer.encryptions}, self._deks.expected(dek))
        if used.lost:
            self._deks.drop_newest(ring)
            return None
        dek.encryptions = used.counts[dek.id]
        return used.epoch

    @contextmanager
    def _refusals_audited(self, ring: OwnedKeyring, caller: Caller) -> Iterator[None]:
        """Write the reason of an integrity failure to the audit log; the answer is the same for all reasons."""
        try:
            yield
        except IntegrityFailure as failure:
            event = event_of(Action.KEYRING_REFUSED, ring, caller, refused=failure.reason)
            self._log.used(ring, (event,), {})
            raise

    def _sealed(self, items: Mapping[str, bytes], key_id: DekId, cipher: KeyringCipher) -> dict[str, Sealed]:
        now = time.time_ns() // 1_000_000

        def sealed(plaintext: bytes) -> Sealed:
            return Sealed(heavy(partial(cipher.seal, plaintext, self._algorithm, now), len(plaintext)), key_id)

        return paced(items, sealed, _ITEM_BYTES, len)


class _Opening:
    """Opens values of one keyring under one decision, each DEK found and opened once."""

    def __init__(self, deks: Deks, ring: OwnedKeyring, decision: Decision, caller: Caller) -> None:
        self._deks = deks
        self._ring = ring
        self._decision = decision
        self._caller = caller
        self._ciphers: dict[DekId, KeyringCipher] = {}
        self._used: dict[DekId, tuple[KnownDek, int]] = {}
        self._unknown: dict[DekId, str] = {}  # why

    def open(self, raw: bytes) -> bytes:
        """Raises EnvelopeRejected."""
        try:
            envelope, key_id = heavy(partial(parse_envelope, raw), len(raw))
        except ValueError as error:
            raise EnvelopeRejected("format") from error
        cipher = self._ciphers.get(key_id) or self._cipher(key_id)
        plaintext = heavy(lambda: cipher.open(envelope), len(envelope.ciphertext))
        dek, count = self._used[key_id]
        self._used[key_id] = dek, count + 1
        return plaintext

    def tried(self, raw: bytes | EnvelopeRejected) -> bytes | EnvelopeRejected:
        if isinstance(raw, EnvelopeRejected):
            return raw
        try:
            return self.open(raw)
        except EnvelopeRejected as refusal:
            return bare(refusal)

    def events(self) -> Iterator[Event]:
        """Yield an event for each DEK under which something was opened."""
        for dek, count in self._used.values():
            if count:
                yield event_of(Action.KEYRING_DECRYPTED, self._ring, self._caller, dek, detail=_counted(count))

    def _cipher(self, key_id: DekId) -> KeyringCipher:
        if key_id in self._unknown:
            raise EnvelopeRejected(self._unknown[key_id])
        self._check_limits()
        try:
            dek = self._deks.by_id(self._ring, key_id, self._decision, self._caller)
        except EnvelopeRejected as refusal:
            self._unknown[key_id] = refusal.reason
            raise
        cipher = self._ciphers[key_id] = self._deks.cipher(self._ring, dek, self._decision, self._caller)
        self._used[key_id] = dek, 0
        return cipher

    def _check_limits(self) -> None:
        """Check before each DEK, which may wait for its key. Raises KeyDeadlineExceeded; InvalidBody."""
        asked = len(self._used) + len(self._unknown)
        if asked >= MAX_DEKS:
            raise InvalidBody(f"The values are under more than {MAX_DEKS} keys of the keyring. Send fewer at once.")
        if asked and time.monotonic() >= self._caller.deadline:
            raise KeyDeadlineExceeded(
                "The values are under more keys than could be opened in time. Send fewer at once.", "operator"
            )


def _asked(work: _Work[T], caller: Caller, decision: Decision) -> _Answer[T] | None:
    return work(decision, caller)


def _size(item: bytes | EnvelopeRejected) -> int:
    return len(item) if isinstance(item, bytes) else 0


def _counted(values: int) -> str:
    return "" if values == 1 else f"values={values}"
