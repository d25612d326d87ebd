"""The methods of vault.v1: the use cases of keyrings, with values as texts and envelopes in base64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from sealring.admission.guard import Guard
from sealring.connect.forms import Json, Proto
from sealring.connect.front import ConnectFront, Guarded, Open
from sealring.connect.messages import METHODS, SERVICE
from sealring.connect.refusals import PACKAGE
from sealring.domain.envelope_texts import data_of, encrypted_of, plaintext_of, text_of
from sealring.domain.keyrings import Keyring, Sealed
from sealring.domain.principal import Caller, Permission
from sealring.fibers import LARGE_BYTES, heavy
from sealring.many import paced
from sealring.observability.logs import Log

_BULK_WEIGHT = 4  # of messages with items: most are small, and each takes as long as some bytes more
_ITEM_BYTES = 256  # the time of writing or reading a small item as a text compares to that of so many bytes

Members = dict[str, Any]


class UsesKeyrings(Protocol):
    """The use cases that vault.v1 has."""

    def encrypt(self, ring: Keyring, data: bytes, caller: Caller) -> Sealed: ...

    def decrypt(self, ring: Keyring, encrypted: bytes, caller: Caller) -> bytes: ...

    def encrypt_all(self, ring: Keyring, items: Mapping[str, bytes], caller: Caller) -> Mapping[str, Sealed]: ...

    def decrypt_all(self, ring: Keyring, items: Mapping[str, bytes], caller: Caller) -> Mapping[str, bytes]: ...

    def re_encrypt(self, ring: Keyring, encrypted: bytes, key_id: str | None, caller: Caller) -> Sealed: ...


def vault_front(keyrings: UsesKeyrings, guard: Guard, log: Log) -> ConnectFront:
    return ConnectFront(f"{PACKAGE}.{SERVICE}", VaultMethods(keyrings).all(), guard, log)


class VaultMethods:
    """The methods, each a function of the members of its request."""

    def __init__(self, keyrings: UsesKeyrings) -> None:
        self._keyrings = keyrings

    def liveness(self, _members: Members) -> Members:
        return {"status": "ok"}

    def encrypt(self, caller: Caller, asked: Members) -> Members:
        return _sealed(self._keyrings.encrypt(Keyring(asked["keyring"]), _data(asked["data"]), caller))

    def decrypt(self, caller: Caller, asked: Members) -> Members:
        plaintext = self._keyrings.decrypt(Keyring(asked["keyring"]), _encrypted(asked["encrypted"]), caller)
        return {"plaintext": _plaintext(plaintext)}

    def encrypt_bulk(self, caller: Caller, asked: Members) -> Members:
        items = paced(asked["items"], _data, _ITEM_BYTES, len)
        found = self._keyrings.encrypt_all(Keyring(asked["keyring"]), items, caller)
        return {"items": paced(found, _sealed, _ITEM_BYTES, _size)}

    def decrypt_bulk(self, caller: Caller, asked: Members) -> Members:
        items = paced(asked["items"], _encrypted, _ITEM_BYTES, len)
        found = self._keyrings.decrypt_all(Keyring(asked["keyring"]), items, caller)
        return {"items": paced(found, _plaintext, _ITEM_BYTES, len)}

    def re_encrypt(self, caller: Caller, asked: Members) -> Members:
        encrypted, key_id = _encrypted(asked["encrypted"]), asked["key_id"] or None
        return _sealed(self._keyrings.re_encrypt(Keyring(asked["keyring"]), encrypted, key_id, caller))

    def all(self) -> Sequence[Open | Guarded]:
        guarded = {
            "Encrypt": self.encrypt,
            "Decrypt": self.decrypt,
            "EncryptBulk": self.encrypt_bulk,
            "DecryptBulk": self.decrypt_bulk,
            "ReEncrypt": self.re_encrypt,
        }
        forms = {name: (Proto(*shapes), Json(*shapes)) for name, shapes in METHODS.items()}
        use = Permission.KEYRINGS_USE
        return (
            Open("Liveness", *forms["Liveness"], self.liveness),
            *(Guarded(name, *forms[name], use, call, weight=_weight_of(name)) for name, call in guarded.items()),
        )


def _sealed(sealed: Sealed) -> Members:
    encrypted = sealed.encrypted
    if len(encrypted) <= LARGE_BYTES:  # `heavy` alone would take a third of the time of a small item
        return {"encrypted": text_of(encrypted), "key_id": sealed.key_id}
    return {"encrypted": heavy(partial(text_of, encrypted), len(encrypted)), "key_id": sealed.key_id}


def _data(plaintext: str) -> bytes:
    return plaintext.encode() if len(plaintext) <= LARGE_BYTES else heavy(partial(data_of, plaintext), len(plaintext))


def _plaintext(raw: bytes) -> str:
    return plaintext_of(raw) if len(raw) <= LARGE_BYTES else heavy(partial(plaintext_of, raw), len(raw))


def _encrypted(text: str) -> bytes:
    return heavy(partial(encrypted_of, text), len(text))


def _size(sealed: Sealed) -> int:
    return len(sealed.encrypted)


def _weight_of(method: str) -> int:
    return _BULK_WEIGHT if method.endswith("Bulk") else 1
