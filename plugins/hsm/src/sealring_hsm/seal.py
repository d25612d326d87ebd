"""The seal of the root by a PKCS#11 token: AES-256-GCM under a key that never leaves the token."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TypeVar

from pkcs11 import Attribute, KeyType, MechanismFlag
from pkcs11.exceptions import PKCS11Error
from pkcs11.types import Session

from sealring_hsm.client import APPENDED_NONCE_BYTES, NONCE_BYTES, Client, handle_of
from sealring_hsm.config import HsmConfig, IvMode, read_pin
from sealring_hsm.device import log_in_patiently, meaning_of
from sealring_hsm.errors import Doubtful
from sealring_hsm.module import Setup, acquire, release
from sealring_hsm.native import TAG_BYTES
from sealring_hsm.roots import root_key
from sealring_plugin import Call, CiphertextRejected, ConfigInvalid, ConfigValue, RootLost, Unavailable, Unsupported

MIN_SECRET_BYTES = 16
MAX_SECRET_BYTES = 64
KEY_BITS = 256
OPEN_TIMEOUT_S = 30.0

_LABEL = b"sealring-hsm/v1/seal"
_KNOWN = bytes(16)

T = TypeVar("T")


class HsmSeal:
    """Seals with a key on the token, in a session for each call.

    Permissions: the user PIN of the token. Complete configuration:

        [seal.1]
        provider = "hsm"
        key = "sealring-seal"                 # `sealring init` and `sealring root reseal` make it
        module = "/usr/lib/softhsm/libsofthsm2.so"
        token_label = "sealring"
        pin_file = "seal-pin"
        conf_file = "hsm/softhsm2.conf"       # only for SoftHSM
        iv_mode = "caller"                    # param: AWS CloudHSM; appended: Thales Luna in FIPS mode
        init_string = ""                      # the argument for C_Initialize
    """

    def __init__(self, config: Mapping[str, ConfigValue]) -> None:
        """Raises ConfigInvalid."""
        given = {**config}
        self._label = str(given.pop("key", "sealring-seal"))
        if not 1 <= len(self._label) <= 32 or not self._label.isprintable():
            raise ConfigInvalid("key must be the label of a key: 1-32 printable characters")
        self._config = HsmConfig.of(given)
        self._nonce_bytes = APPENDED_NONCE_BYTES if self._config.iv_mode == IvMode.APPENDED else NONCE_BYTES

    def seal(self, secret: bytes | bytearray, aad: bytes, call: Call) -> bytes:
        if not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
            raise Unsupported(f"a secret has {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes")

        def run(client: Client, key: int) -> bytes:
            sealed = client.seal(key, secret, _LABEL + aad)
            return sealed.nonce + sealed.ciphertext

        return self._with_key(run, call.deadline)

    def open(self, sealed: bytes, aad: bytes, call: Call) -> bytearray:
        nonce, ciphertext = sealed[: self._nonce_bytes], sealed[self._nonce_bytes :]
        if not MIN_SECRET_BYTES <= len(ciphertext) - TAG_BYTES <= MAX_SECRET_BYTES:
            raise CiphertextRejected("not the size of a sealed secret")

        def run(client: Client, key: int) -> bytearray:
            try:
                return client.unseal(key, nonce, ciphertext, _LABEL + aad)
            except Doubtful as doubt:
                _check(client, key)
                raise CiphertextRejected("does not open under this key and aad") from doubt

        return self._with_key(run, call.deadline)

    def initialise(self) -> str:
        """Make the key if there is none. Raises ProviderError."""

        def make(session: Session, _client: Client) -> str:
            if root_key(session, self._label) is not None:
                return f"key {self._label} (kept as it is)"
            session.generate_key(
                KeyType.AES,
                KEY_BITS,
                id=self._label.encode(),  # NSS replaces a key by another one with the same id
                label=self._label,
                store=True,
                capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
                template={
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                    Attribute.PRIVATE: True,
                    Attribute.MODIFIABLE: False,
                },
            )
            return f"key {self._label} on the token; back up the token: without it this seal never opens again"

        return self._in_session(make, time.monotonic() + OPEN_TIMEOUT_S)

    def close(self) -> None:
        """Nothing stays open between two calls."""

    def _with_key(self, operation: Callable[[Client, int], T], deadline: float) -> T:
        def run(session: Session, client: Client) -> T:
            key = root_key(session, self._label)
            if key is None:
                raise RootLost(
                    f"the token has no key {self._label}: restore the token from its backup, or check the setting key"
                )
            return operation(client, handle_of(key))

        return self._in_session(run, deadline)

    def _in_session(self, operation: Callable[[Session, Client], T], deadline: float) -> T:
        pin = read_pin(self._config.pin_file)
        module = acquire(Setup.of(self._config))
        try:
            with module.alone(deadline):
                token = log_in_patiently(module, self._config.token_label, pin)
                with closing(module.open_session(token)) as session:
                    client = Client(module.cryptoki, handle_of(session), IvMode(self._config.iv_mode))
                    return operation(session, client)
        except PKCS11Error as error:
            raise meaning_of(error, self._config) from error
        finally:
            release(module)


def _check(client: Client, key: int) -> None:
    """Raises Unavailable if the key does not open what it has just sealed: the token is at fault."""
    try:
        sealed = client.seal(key, _KNOWN, _LABEL)
        client.unseal(key, sealed.nonce, sealed.ciphertext, _LABEL)
    except (Doubtful, CiphertextRejected) as error:
        raise Unavailable("the token does not open what it has just sealed") from error
