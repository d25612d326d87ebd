"""The seal of the root by Azure Key Vault or Managed HSM."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sealring_azurekv.blob import MAX_DEK_BYTES, MIN_DEK_BYTES, joined, split
from sealring_azurekv.client import Client, Operation, Result
from sealring_azurekv.config import AzureConfig
from sealring_azurekv.key import Target
from sealring_azurekv.wrap import A256GCM, AES, RSA, RSA_OAEP_256, parsed, sized, wrapped_by
from sealring_plugin import Call, CiphertextRejected, ConfigValue, Unsupported, WrappedKey

_LABEL = b"sealring-azurekv/v1/seal"
_ALGORITHMS = {b"\x01": RSA, b"\x02": AES}  # the first byte of what is sealed
_NUMBERS = {alg: number for number, alg in _ALGORITHMS.items()}


class AzureSeal:
    """Seals with a key of the operator's: RSA-OAEP-256 in a vault, AES-256-GCM in a Managed HSM. Connects on use.

    Permissions on the key: `keys/unwrapKey` for the server, and `keys/wrapKey` for who runs `sealring root reseal`; for
    an oct-HSM key `keys/decrypt`, and `keys/read` and `keys/encrypt`. Complete configuration:

        [seal.1]
        provider = "azurekv"
        key = "https://acme-vault.vault.azure.net/keys/sealring-root"
        tenant_id = "99999999-8888-7777-6666-555555555555"
        client_id = "11111111-2222-3333-4444-555555555555"
        certificate_file = "seal-app.pem"      # or client_secret_file, or assertion_file
        cloud = "public"                       # usgov | china
        authority = "https://login.microsoftonline.com"
        endpoint = "https://acme-vault.vault.azure.net"
        allowed_hosts = "acme-vault.vault.azure.net" # behind a private endpoint, so that its address is a private one
        ca_file = "private-ca.pem"
    """

    def __init__(self, config: Mapping[str, ConfigValue]) -> None:
        """Raises ConfigInvalid."""
        checked = AzureConfig.of(config)
        url, tenant, endpoint = (str(config.get(name, "")) for name in ("key", "tenant_id", "endpoint"))
        self._target = Target.named(url, tenant, endpoint, checked.cloud)
        checked.vault_egress.check(self._target.endpoint.host, self._target.endpoint.port)
        self._client = Client(checked)

    def seal(self, secret: bytes | bytearray, aad: bytes, call: Call) -> bytes:
        if not MIN_DEK_BYTES <= len(secret) <= MAX_DEK_BYTES:
            raise Unsupported(f"a secret has {MIN_DEK_BYTES} to {MAX_DEK_BYTES} bytes")
        target, bound = self._target, self._digest(aad)
        alg = AES if target.managed_hsm and not self._client.key(target, call).is_rsa else RSA
        operation = (
            Operation("encrypt", A256GCM, {"value": secret, "aad": bound})
            if alg == AES
            else Operation("wrapkey", RSA_OAEP_256, {"value": joined(secret, bound)})
        )
        return _NUMBERS[alg] + wrapped_by(target, alg, self._sealed(operation, call)).blob

    def open(self, sealed: bytes, aad: bytes, call: Call) -> bytearray:
        alg, target, bound = _ALGORITHMS.get(sealed[:1]), self._target, self._digest(aad)
        if alg is None:
            raise CiphertextRejected("sealed with another algorithm")
        blob = parsed(WrappedKey(alg, sealed[1:]))
        version = target.version_of(blob.kid)
        if version is None:
            raise CiphertextRejected("sealed by another key")
        if alg == RSA:
            opened = Operation("unwrapkey", RSA_OAEP_256, {"value": blob.ciphertext})
            return split(self._client.operate(target, version, opened, call).value, bound)
        parts = {"value": blob.ciphertext, "iv": blob.iv, "tag": blob.tag, "aad": bound}
        return sized(self._client.operate(target, version, Operation("decrypt", A256GCM, parts), call).value)

    def close(self) -> None:
        self._client.close()

    def _sealed(self, operation: Operation, call: Call) -> Result:
        try:
            return self._client.operate(self._target, "", operation, call)
        except CiphertextRejected as error:  # there is no ciphertext yet
            raise Unsupported(f"the key does not do {operation.alg}") from error

    def _digest(self, aad: bytes) -> bytes:
        """Return SHA-256 of what a sealed secret is bound to: the key, and the AAD."""
        parts = (_LABEL, self._target.url.encode(), aad)
        return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
