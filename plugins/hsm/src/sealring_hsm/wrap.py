"""The hsm provider: the token makes each KEK, and wraps it with a root key that never leaves the token."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from sealring_hsm.client import APPENDED_NONCE_BYTES, NONCE_BYTES, Client, Root
from sealring_hsm.config import HsmConfig
from sealring_hsm.device import Device, Opened
from sealring_hsm.errors import Doubtful
from sealring_hsm.guard import GuardReport
from sealring_hsm.material import Material
from sealring_hsm.native import TAG_BYTES
from sealring_hsm.roots import check_canary, newest_of
from sealring_hsm.spec import NAME
from sealring_plugin import (
    Call,
    CiphertextRejected,
    DeadlineExceeded,
    ManagedKey,
    RootLost,
    Unavailable,
    Unsupported,
    WrapContext,
    WrappedKey,
)

MIN_DEK_BYTES = 16
MAX_DEK_BYTES = 64
OPEN_TIMEOUT_S = 30.0

_DEK_LABEL = b"sealring-hsm/v1/dek"  # before the AAD, so that a wrapped DEK and a binding tag are never confused
_NONCE_BYTES = {"hsm-a256gcm": NONCE_BYTES, "hsm-a256gcm-iv16": APPENDED_NONCE_BYTES}
_ALG = {nonce_bytes: alg for alg, nonce_bytes in _NONCE_BYTES.items()}

T = TypeVar("T")


class HsmProvider:
    """Wraps with AES-256-GCM in a PKCS#11 token. Thread-safe; the token is opened on the first call in each process.

    Permissions: only the token's user PIN; `sealring hsm init-root` also uses the security officer's PIN.
    Complete configuration:

        [plugins.hsm]
        module = "/usr/lib/softhsm/libsofthsm2.so"
        token_label = "sealring"
        pin_file = "hsm/pin"
        conf_file = "hsm/softhsm2.conf"       # only for SoftHSM
        wrap_mechanism = "aes-key-wrap"       # aes-key-wrap-pad | aes-key-wrap-kwp
        iv_mode = "caller"                    # param: AWS CloudHSM; appended: Thales Luna in FIPS mode
        locking = "lock"                      # os: calls in parallel, for network HSMs
        session_limit = 16                    # per process, if locking = "os"
        init_string = ""                      # the argument for C_Initialize
        root_domain = "default"
        allow_unguarded = false               # true: run even if the token does not enforce the export guard
    """

    def __init__(self, config: HsmConfig) -> None:
        self._wrap_mechanism = config.wrap_mechanism
        self._device = Device(config)

    def wrap(self, key: ManagedKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey:
        if not MIN_DEK_BYTES <= len(dek) <= MAX_DEK_BYTES:
            raise Unsupported(f"a data key has {MIN_DEK_BYTES} to {MAX_DEK_BYTES} bytes")
        aad = _DEK_LABEL + context.aad
        sealed = self._with_key(key, lambda client, handle: client.seal(handle, dek, aad), call)
        return WrappedKey(_ALG[len(sealed.nonce)], sealed.nonce + sealed.ciphertext)

    def unwrap(self, wrapped: WrappedKey, key: ManagedKey, context: WrapContext, call: Call) -> bytearray:
        nonce_bytes = _NONCE_BYTES.get(wrapped.alg)
        if nonce_bytes is None:
            raise CiphertextRejected("wrapped with another algorithm")
        nonce, ciphertext = wrapped.blob[:nonce_bytes], wrapped.blob[nonce_bytes:]
        if not MIN_DEK_BYTES <= len(ciphertext) - TAG_BYTES <= MAX_DEK_BYTES:
            raise CiphertextRejected("not the size of a wrapped data key")
        aad = _DEK_LABEL + context.aad
        return self._with_key(key, lambda client, handle: client.unseal(handle, nonce, ciphertext, aad), call)

    def create_key(self, key_id: str, version: int, scope: bytes, domain: str, call: Call) -> ManagedKey:
        """Return a new KEK under the newest root, after loading it from its material as a proof that it opens."""

        def create(opened: Opened, client: Client) -> ManagedKey:
            root = newest_of(opened.roots, domain)
            named = ManagedKey(NAME, key_id, version, scope, root)
            return replace(named, material=client.create_kek(opened.roots[root], self._wrap_mechanism, named))

        key = self._device.use(create, call.deadline)
        self._with_key(key, lambda _client, _handle: None, call)
        return key

    def check(self, call: Call) -> None:
        """Open the canary of every root. Raises ProviderError; the next call then opens the token again."""

        def open_canaries(opened: Opened, client: Client) -> None:
            for root in opened.roots.values():
                check_canary(client, root)

        try:
            self._device.use(open_canaries, call.deadline)
        except (Unavailable, RootLost):
            with suppress(DeadlineExceeded):
                self._device.drop(call.deadline)
            raise

    def announcement(self) -> str:
        """Return the grade of the export guard. Opens the token. Raises ProviderError if it cannot be used."""
        return f"export guard: {self.guard_report().grade}"

    def guard_report(self) -> GuardReport:
        return self._device.use(lambda opened, _client: opened.report, time.monotonic() + OPEN_TIMEOUT_S)

    def close(self) -> None:
        self._device.close()

    def _with_key(self, key: ManagedKey, operation: Callable[[Client, int], T], call: Call) -> T:
        material = Material.parse(key.material)

        def run(opened: Opened, client: Client) -> T:
            root = _root_of(key, material, opened)
            with opened.keks.using(key, lambda: client.load_kek(root, material, key), client.destroy) as handle:
                return operation(client, handle)

        try:
            return self._device.use(run, call.deadline)
        except Doubtful as doubt:
            self.check(call)  # raises if the token is at fault
            raise CiphertextRejected("does not open under this key and context") from doubt


def _root_of(key: ManagedKey, material: Material, opened: Opened) -> Root:
    if material.root.epoch != key.root.epoch or not material.root.domain.endswith(f"-{key.root.domain}"):
        raise CiphertextRejected("the key's material and its record name different roots")
    root = opened.roots.get(key.root)
    if root is None or root.id != material.root:
        raise RootLost(
            f"the token does not have the root that the key was made under (domain {material.root.domain!r}, epoch "
            f"{material.root.epoch}); check root_domain, or restore the token from its backup"
        )
    return root
