"""The operations of the provider in one session of a token: make and load KEKs, encrypt and decrypt."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from pkcs11.exceptions import EncryptedDataInvalid, PKCS11Error, WrappedKeyInvalid, WrappedKeyLenRange
from pkcs11.types import Object, Session

from sealring_hsm.attributes import new_kek, unwrapped_kek
from sealring_hsm.config import WRAP_MECHANISMS, IvMode
from sealring_hsm.errors import AMBIGUOUS, Doubtful
from sealring_hsm.material import KNOWN_ANSWER, Guard, Material, RootId, record
from sealring_hsm.native import TAG_BYTES, Cryptoki, Held, Sealed
from sealring_plugin import CiphertextRejected, ConfigInvalid, ManagedKey

NONCE_BYTES = 12  # NIST SP 800-38D 8.2.2; random, so at most 2**32 wraps a key
APPENDED_NONCE_BYTES = 16  # Thales Luna in FIPS mode

_NEW_KEK = {guard: new_kek(guard) for guard in Guard}
_UNWRAPPED_KEK = {guard: unwrapped_kek(guard) for guard in Guard}


@dataclass(frozen=True, slots=True)
class Root:
    """A root key on the token, and the material of its canary."""

    id: RootId
    handle: int
    canary: bytes


def handle_of(thing: Session | Object) -> int:
    """Return the handle, the token's number of a session or an object."""
    return int(thing.handle)  # type: ignore[union-attr, arg-type]  # the source gives sessions one too


class Client:
    """One session of a token. Not thread-safe. Raises failures of the token as exceptions of python-pkcs11."""

    def __init__(self, cryptoki: Cryptoki, session: int, iv_mode: IvMode) -> None:
        self._cryptoki = cryptoki
        self._session = session
        self._iv_mode = iv_mode

    def create_kek(self, root: Root, wrap_mechanism: str, key: ManagedKey) -> bytes:
        """Make a KEK in the token and return its material; destroy the KEK in the token."""
        aad = record(key.key_id, key.version, key.scope, root.id, wrap_mechanism)
        handle = self._cryptoki.generate_key(self._session, _NEW_KEK[root.id.guard])
        try:
            held = Held(self._session, root.handle)
            wrapped = self._cryptoki.wrap_key(held, WRAP_MECHANISMS[wrap_mechanism], handle)
            tag = self.seal(handle, KNOWN_ANSWER, aad)
        finally:
            self.destroy(handle)
        return Material(root.id, wrap_mechanism, wrapped, tag.nonce, tag.ciphertext).encode()

    def load_kek(self, root: Root, material: Material, key: ManagedKey) -> int:
        """Return the handle of a KEK after a check of its tag. Raises CiphertextRejected and Doubtful."""
        aad = record(key.key_id, key.version, key.scope, root.id, material.wrap_mechanism)
        handle = self._unwrap(root, material)
        try:
            answer = self.unseal(handle, material.nonce, material.tag, aad)
        except BaseException:
            self.destroy(handle)
            raise
        if answer != KNOWN_ANSWER:
            self.destroy(handle)
            raise CiphertextRejected("the key's material does not belong to its record")
        return handle

    def seal(self, key: int, plaintext: bytes | bytearray, aad: bytes) -> Sealed:
        """Encrypt with AES-GCM; `iv_mode` says who makes the nonce. Raises ConfigInvalid if the token does not."""
        held = Held(self._session, key)
        if self._iv_mode == IvMode.CALLER:
            return self._cryptoki.gcm_encrypt(held, os.urandom(NONCE_BYTES), plaintext, aad)
        if self._iv_mode == IvMode.PARAM:
            sealed = self._cryptoki.gcm_encrypt(held, bytes(NONCE_BYTES), plaintext, aad)
            if sealed.nonce == bytes(NONCE_BYTES):
                raise ConfigInvalid("iv_mode is param, but the token wrote no nonce of its own; use caller")
            return sealed
        sealed = self._cryptoki.gcm_encrypt(held, bytes(APPENDED_NONCE_BYTES), plaintext, aad)
        size = len(plaintext) + TAG_BYTES
        if len(sealed.ciphertext) != size + APPENDED_NONCE_BYTES:
            raise ConfigInvalid("iv_mode is appended, but the token appended no nonce; use caller or param")
        return Sealed(sealed.ciphertext[size:], sealed.ciphertext[:size])

    def unseal(self, key: int, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytearray:
        """Decrypt with AES-GCM. Raises CiphertextRejected; Doubtful if it may also be a fault of the token."""
        try:
            return self._cryptoki.gcm_decrypt(Held(self._session, key), nonce, ciphertext, aad)
        except EncryptedDataInvalid as error:
            raise CiphertextRejected("does not open under this key and context") from error
        except AMBIGUOUS as error:
            raise Doubtful(type(error).__name__) from error

    def destroy(self, key: int) -> None:
        """Destroy a session key. It may be gone already."""
        with suppress(PKCS11Error):
            self._cryptoki.destroy(self._session, key)

    def _unwrap(self, root: Root, material: Material) -> int:
        held = Held(self._session, root.handle)
        code, template = WRAP_MECHANISMS[material.wrap_mechanism], _UNWRAPPED_KEK[root.id.guard]
        try:
            return self._cryptoki.unwrap_key(held, code, material.wrapped, template)
        except (WrappedKeyInvalid, WrappedKeyLenRange, EncryptedDataInvalid) as error:
            raise CiphertextRejected("the key's material does not open under its root") from error
        except AMBIGUOUS as error:
            raise Doubtful(type(error).__name__) from error
