"""The azurekv provider: each wrap and unwrap is made by the vault, and is in its log."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sealring_azurekv.blob import MAX_DEK_BYTES, MIN_DEK_BYTES, Blob, digest, joined, split
from sealring_azurekv.client import Client, Operation, Result
from sealring_azurekv.config import AzureConfig
from sealring_azurekv.description import DISABLED, PENDING_DELETION, KeyBundle
from sealring_azurekv.findings import Examination
from sealring_azurekv.key import Target
from sealring_azurekv.setup import TAG, guide
from sealring_plugin import (
    AccessDenied,
    Call,
    CiphertextRejected,
    CustomersKey,
    Finding,
    KeyDescription,
    KeyDisabled,
    KeyPendingDeletion,
    SetupGuide,
    Unavailable,
    Unsupported,
    WrapContext,
    WrappedKey,
)

# How we call it in `WrappedKey.alg`, and how the vault does.
RSA, RSA_OAEP_256 = "azure-rsa-oaep-256", "RSA-OAEP-256"
AES, A256GCM = "azure-a256gcm", "A256GCM"
NONCE_BYTES = 12  # NIST SP 800-38D 8.2.2; made by the HSM
TAG_BYTES = 16


class AzureProvider:
    """Wraps with customers' keys: RSA-OAEP-256 in a vault, or AES-256-GCM in a Managed HSM. Thread-safe.

    Permissions: `keys/get`, `keys/wrapKey` and `keys/unwrapKey`, which are the role "Key Vault Crypto Service
    Encryption User" on the key; for an oct-HSM key `keys/read`, `keys/encrypt` and `keys/decrypt`. Options of a
    binding: `tenant_id`, and `endpoint` where the operator allows one. Complete configuration:

        [plugins.azurekv]
        client_id = "11111111-2222-3333-4444-555555555555"
        certificate_file = "azure-app.pem"     # or client_secret_file, or assertion_file
        cloud = "public"                       # usgov | china
        authority = "https://login.microsoftonline.com"
        allowed_hosts = "acme.vault.azure.net" # behind a private endpoint, so that its address is a private one
        ca_file = "private-ca.pem"
        principal = "11111111-2222-3333-4444-555555555555"
    """

    def __init__(self, config: AzureConfig) -> None:
        self._cloud = config.cloud
        self._principal = config.principal
        self._client = Client(config)

    def wrap(self, key: CustomersKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey:
        """Look at the key first: the vault need not refuse to wrap with an RSA key that is disabled."""
        if not MIN_DEK_BYTES <= len(dek) <= MAX_DEK_BYTES:
            raise Unsupported(f"a data key has {MIN_DEK_BYTES} to {MAX_DEK_BYTES} bytes")
        target, bound = Target.of(key, self._cloud), digest(key, context)
        found = self._looked_at(target, key, call)
        version = found.version if found else ""
        if found and not found.is_rsa:
            return self._encrypted(target, version, Operation("encrypt", A256GCM, {"value": dek, "aad": bound}), call)
        operation = Operation("wrapkey", RSA_OAEP_256, {"value": joined(dek, bound)})
        return wrapped_by(target, RSA, self._used(target, version, operation, call))

    def unwrap(self, wrapped: WrappedKey, key: CustomersKey, context: WrapContext, call: Call) -> bytearray:
        blob, target, bound = parsed(wrapped), Target.of(key, self._cloud), digest(key, context)
        version = target.version_of(blob.kid)
        if version is None:
            raise CiphertextRejected("wrapped under another key")
        if blob.alg == RSA:
            opened = Operation("unwrapkey", RSA_OAEP_256, {"value": blob.ciphertext})
            return split(self._client.operate(target, version, opened, call).value, bound)
        parts = {"value": blob.ciphertext, "iv": blob.iv, "tag": blob.tag, "aad": bound}
        return sized(self._client.operate(target, version, Operation("decrypt", A256GCM, parts), call).value)

    def describe(self, key: CustomersKey, call: Call) -> KeyDescription:
        try:
            return self._client.key(Target.of(key, self._cloud), call).description(time.time())
        except KeyDisabled:
            return DISABLED
        except KeyPendingDeletion:
            return PENDING_DELETION

    def validate(self, key: CustomersKey, call: Call) -> Sequence[Finding]:
        """Describe it, then wrap with it and unwrap that. Raises ProviderError for what is no fault of the key."""
        return Examination(self, self._client, Target.of(key, self._cloud), key, call).findings()

    def explain_setup(self, *, principal: str, organization_id: str, external_id: str) -> SetupGuide:
        return guide(principal or self._principal, self._cloud, organization_id, external_id)

    @property
    def idle_connections(self) -> int:
        return self._client.idle_connections

    def close(self) -> None:
        self._client.close()

    def _looked_at(self, target: Target, key: CustomersKey, call: Call) -> KeyBundle | None:
        """Return the key, once it is seen to be usable; None where a vault does not let us look.

        Raises AccessDenied for a Managed HSM: it has keys of both kinds, and which one this is has to be known.
        """
        try:
            found = self._client.key(target, call)
        except AccessDenied:
            if target.managed_hsm:
                raise
            return None
        found.expect_usable(time.time())
        if found.tags.get(TAG) not in {None, key.option("external_id")}:
            raise AccessDenied("the key's tag says that it is meant for another organization")
        return found

    def _encrypted(self, target: Target, version: str, operation: Operation, call: Call) -> WrappedKey:
        return wrapped_by(target, AES, self._used(target, version, operation, call))

    def _used(self, target: Target, version: str, operation: Operation, call: Call) -> Result:
        try:
            return self._client.operate(target, version, operation, call)
        except CiphertextRejected as error:  # there is no ciphertext yet
            raise Unsupported(f"the key does not do {operation.alg}") from error


def wrapped_by(target: Target, alg: str, result: Result) -> WrappedKey:
    """Raises Unavailable where the vault used another key than it was asked for, or gave no nonce or tag."""
    if target.version_of(result.kid) is None:
        raise Unavailable("the vault used another key than it was asked for")
    if alg == AES and (len(result.iv), len(result.tag)) != (NONCE_BYTES, TAG_BYTES):
        raise Unavailable("the Managed HSM encrypted without a nonce or a tag")
    return WrappedKey(alg, Blob(alg, result.kid, result.value, result.iv, result.tag).encode())


def parsed(wrapped: WrappedKey) -> Blob:
    if wrapped.alg not in {RSA, AES}:
        raise CiphertextRejected("wrapped with another algorithm")
    return Blob.parse(wrapped.alg, wrapped.blob)


def sized(dek: bytes) -> bytearray:
    if not MIN_DEK_BYTES <= len(dek) <= MAX_DEK_BYTES:
        raise CiphertextRejected("not the size of a data key")
    return bytearray(dek)
