"""The wrapping of keyrings' DEKs: under customers' keys, managed KEKs, or the master key of a plugin."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache

from sealring.crypto.data_key import DataKey
from sealring.crypto.seal import checked, commitment
from sealring.domain.context import KeyContext
from sealring.domain.decision import Decision
from sealring.domain.envelope import Combine, Header
from sealring.domain.ids import NO_ORG, OrgId, uuid_text
from sealring.domain.kek import KekUse, Sealed
from sealring.domain.keyring_codec import (
    Algorithm,
    Encrypted,
    WrappedDek,
    Wraps,
    encode_wraps,
    parse_encrypted,
    parse_wrapped_dek,
    parse_wraps,
)
from sealring.domain.keyrings import DekId, DekName, OwnedKeyring
from sealring.domain.principal import Caller
from sealring.domain.wire import lp16
from sealring.errors import IntegrityFailure, KeyMisconfigured
from sealring.keys.keyring import Keyring
from sealring.keys.routing import KeyRoute, refuse_shut
from sealring.providers.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring_plugin import DATA, Call, ManagedKey, Purpose, RootName, WrapContext, WrappedKey

_LABEL = b"sealring/v1/keyring/dek"
_MASTER_ALG = "vault-v1-a256gcm"  # of the plugin: its wrapped key is an Encrypted


@dataclass(frozen=True, slots=True)
class _Form:
    """A stored DEK, read."""

    id: DekId
    created_at: int
    encrypted: Encrypted
    raw: bytes  # of `encrypted`
    wraps: Wraps | None  # None: under a master key


@dataclass(frozen=True, slots=True)
class NewWrapping:
    """The record of a wrapped DEK, and the uses of KEKs to count."""

    record: bytes
    uses: Sequence[KekUse]


class KeyringDeks:
    """Wraps and unwraps DEKs, each bound to its keyring, id and time of creation. Thread-safe.

    An organization's bindings guard its keyrings by the context `organization_id`, `sealring` = `keyrings`. Without a
    binding, `master`, a provider with keys of its own, wraps; without one, the managed KEK of that context.
    """

    def __init__(self, keyring: Keyring, gateway: Gateway, master: str | None) -> None:
        self._keyring = keyring
        self._gateway = gateway
        self._master = master

    def wrap(self, name: DekName, dek: DataKey, decision: Decision, caller: Caller) -> NewWrapping:
        """Wrap under the keys of the decision. Raises KeyFailure, QuotaExceeded: the caller must store nothing."""
        ring, keys = name.ring, self._route(name.ring, decision)
        if self._master is not None and not keys.bindings:
            return NewWrapping(self._under_master(self._master, name, dek, caller), ())
        header = _header(name, keys.combine)
        wraps = self._keyring.wrap(dek, header, keys, _context(ring.org), caller)
        form = encode_wraps(Wraps(keys.combine, commitment(dek.secret, header), wraps))
        encrypted = Encrypted(Algorithm.WRAPS, b"", form, uuid_text(wraps[0].kek_id), _now_ms())
        record = WrappedDek(name.id, name.created_at, encrypted.encode()).encode()
        return NewWrapping(record, self._keyring.uses(keys, wraps, Sealed.KEYRING_KEY))

    def unwrap(self, ring: OwnedKeyring, key_id: DekId, record: bytes, decision: Decision, caller: Caller) -> DataKey:
        """Return the DEK, to be used in a with-block. Raises KeyFailure; IntegrityFailure for another DEK's record."""
        form = _read(key_id, record)
        if form.wraps is None:
            return DataKey(self._from_master(form, ring, caller))
        header = _header(DekName(ring, key_id, form.created_at), form.wraps.combine)
        dek = self._keyring.unwrap(header, form.wraps.wraps, _context(ring.org), caller, decision)
        return checked(dek, header, form.wraps.commitment)

    def place(self, decision: Decision) -> AbstractContextManager[None]:
        """Keep one place of the organization's share while DEKs of it are waited for, which others may be opening.

        Raises KeyThrottled if the key of one of them may be away, and the organization already has its share.
        """
        master = () if self._master is None else (self._master,)
        providers = {*master, *self._keyring.managed.providers, *(each.provider for each in decision.bindings)}
        return self._gateway.place(decision.environment, decision.org, providers)

    def name(self, ring: OwnedKeyring, key_id: DekId, record: bytes) -> DekName:
        """Return what a stored DEK is bound to. Raises IntegrityFailure for another DEK's record."""
        return DekName(ring, key_id, self.created_at(key_id, record))

    def created_at(self, key_id: DekId, record: bytes) -> int:
        """Return the time of creation, in milliseconds. Raises IntegrityFailure for another DEK's record."""
        return _read(key_id, record).created_at

    def keks(self, key_id: DekId, record: bytes) -> tuple[tuple[bytes, int], ...]:
        """Return ids and versions of the KEKs; none for a master key. Raises IntegrityFailure likewise."""
        wraps = _read(key_id, record).wraps
        return () if wraps is None else tuple((wrap.kek_id, wrap.kek_version) for wrap in wraps.wraps)

    def under(self, key_id: DekId, record: bytes) -> tuple[str, ...]:
        """Return the names of the KEKs, with versions; of a master key its id. Raises IntegrityFailure likewise."""
        form = _read(key_id, record)
        if form.wraps is None:
            return (form.encrypted.key_id,)
        return tuple(f"{uuid_text(wrap.kek_id)}/{wrap.kek_version}" for wrap in form.wraps.wraps)

    def master_of(self, key_id: DekId, record: bytes) -> str | None:
        """Return the id of the master key that guards the DEK, if one does. Raises IntegrityFailure likewise."""
        form = _read(key_id, record)
        return form.encrypted.key_id if form.wraps is None else None

    def guarded(self, key_id: DekId, record: bytes, decision: Decision) -> bool:
        """Whether a customer's key guards the DEK, so that it must not be kept. Raises IntegrityFailure likewise."""
        return any(decision.of_kek(kek_id) is not None for kek_id, _ in self.keks(key_id, record))

    def fits(self, ring: OwnedKeyring, key_id: DekId, record: bytes, decision: Decision) -> bool:
        """Whether new values may be encrypted under the DEK: exactly the customers' keys of the route guard it.

        Raises IntegrityFailure likewise.
        """
        keys = self._route(ring, decision)
        wraps = _read(key_id, record).wraps
        if keys.bindings:
            bound = tuple(binding.id for binding in keys.bindings)
            mine = None if wraps is None else (wraps.combine, tuple(wrap.kek_id for wrap in wraps.wraps))
            return mine == (keys.combine, bound)
        return not self.guarded(key_id, record, decision)

    def refuse_shut(self, ring: OwnedKeyring, decision: Decision) -> None:
        """Raises KeyDisabled if one of the customers' keys for new values is suspended, even if others would do."""
        if decision.bindings:
            refuse_shut(*self._route(ring, decision).bindings)

    def would_lose_a_guard(self, ring: OwnedKeyring, key_id: DekId, record: bytes, decision: Decision) -> bool:
        """Whether a customer's key guards the DEK that would not if the DEK were wrapped anew.

        Then it stays as it is: its owner may disable that key, and relies on what it protects. Raises IntegrityFailure
        likewise.
        """
        keeping = {binding.id for binding in self._route(ring, decision).bindings}
        guards = {kek_id for kek_id, _ in self.keks(key_id, record) if decision.of_kek(kek_id) is not None}
        return not guards <= keeping

    def _route(self, ring: OwnedKeyring, decision: Decision) -> KeyRoute:
        return self._keyring.route(_context(ring.org), decision)

    def _under_master(self, provider: str, name: DekName, dek: DataKey, caller: Caller) -> bytes:
        wrapping = Wrapping(_master_key(provider), dek.secret, _dek_context(name.id, name.created_at))
        (wrapped,) = self._gateway.wrap([wrapping], _call(name.ring, caller, Purpose.ENCRYPT))
        if wrapped.alg != _MASTER_ALG:
            raise KeyMisconfigured(
                "[keyrings] master_keys names a plugin of another kind. Tell the operator.", "operator"
            )
        return WrappedDek(name.id, name.created_at, wrapped.blob).encode()

    def _from_master(self, form: _Form, ring: OwnedKeyring, caller: Caller) -> bytearray:
        if self._master is None:
            raise IntegrityFailure("a DEK under a master key, and no master key")
        key, context = _master_key(self._master), _dek_context(form.id, form.created_at)
        unwrapping = Unwrapping(key, WrappedKey(_MASTER_ALG, form.raw), context)
        return self._gateway.unwrap([unwrapping], _call(ring, caller, Purpose.DECRYPT))[0]


@lru_cache(4096)  # each encryption asks if its DEK still fits; the DEK in here is wrapped
def _read(key_id: DekId, record: bytes) -> _Form:
    try:
        found = parse_wrapped_dek(record)
        encrypted = parse_encrypted(found.encrypted)
        wraps = parse_wraps(encrypted.ciphertext) if encrypted.algorithm == Algorithm.WRAPS else None
    except ValueError as error:
        raise IntegrityFailure("the DEK of a keyring") from error
    if found.id != key_id:
        raise IntegrityFailure("the DEK of another id")
    return _Form(key_id, found.created_at, encrypted, found.encrypted, wraps)


def _header(name: DekName, combine: Combine) -> Header:
    ring, created = name.ring, (name.created_at % (1 << 64)).to_bytes(8, "big")
    message_id = hashlib.sha256(b"".join((_LABEL, ring.encoded, lp16(name.id.encode()), created))).digest()
    return Header.of_keyring(combine, message_id, ring.environment, _context(ring.org))


@lru_cache(1024)
def _context(org: OrgId) -> KeyContext:
    named = {} if org == NO_ORG else {"organization_id": org}
    return KeyContext.of({**named, "sealring": "keyrings"})


def _dek_context(key_id: DekId, created_at: int) -> WrapContext:
    """Return what the plugin puts into the wrapped DEK, beside the key. There is no additional data."""
    return WrapContext({"dek_id": key_id, "created_at": str(created_at)}, b"")


@lru_cache(16)
def _master_key(provider: str) -> ManagedKey:
    """Return the reference to the keys of the plugin, which finds each by the id in what it wrapped."""
    return ManagedKey(provider, "master", 1, b"", RootName(DATA, 1), b"")


def _call(ring: OwnedKeyring, caller: Caller, purpose: Purpose) -> Call:
    return call_for(environment=ring.environment, tenant=ring.org, request_id=caller.request_id, purpose=purpose)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
