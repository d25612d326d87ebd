"""The seal of the root by Google Cloud KMS, with our own credentials."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_gcpkms.client import Client
from sealring_gcpkms.config import FIELDS, GcpConfig
from sealring_gcpkms.key import OwnTarget
from sealring_gcpkms.wrap import MAX_DEK_BYTES, MIN_DEK_BYTES
from sealring_plugin import Call, CiphertextRejected, ConfigInvalid, ConfigValue, Unsupported, WrongRegion

_LABEL = b"sealring-gcpkms/v1/seal"
_DEFAULTS = {field.name: field.default for field in FIELDS if field.default is not None}


class GcpSeal:
    """Seals with a key of the operator's. Connects on the first call.

    Permissions on the key, for our own credentials: `cloudkms.cryptoKeyVersions.useToDecrypt`
    (roles/cloudkms.cryptoKeyDecrypter) for the server; `cloudkms.cryptoKeyVersions.useToEncrypt` too for who runs
    `sealring root reseal`. Complete configuration:

        [seal.1]
        provider = "gcpkms"
        key = "projects/vault-prod/locations/europe-west1/keyRings/sealring/cryptoKeys/root"
        credentials_file = "seal-gcp.json"                       # without it: application default credentials
        endpoint = "https://cloudkms.googleapis.com"
        allowed_hosts = ""                                       # e.g. "kms.internal.example:8443, localhost"
        ca_file = "private-ca.pem"                               # trusted in addition to the system's
    """

    def __init__(self, config: Mapping[str, ConfigValue]) -> None:
        """Raises ConfigInvalid."""
        given = {**_DEFAULTS, **config}
        checked = GcpConfig.of(given)
        try:
            self._target = OwnTarget.of(checked, str(given["key"]))
        except WrongRegion as error:
            raise ConfigInvalid(str(error)) from None
        self._client = Client(checked)

    def seal(self, secret: bytes | bytearray, aad: bytes, call: Call) -> bytes:
        if not MIN_DEK_BYTES <= len(secret) <= MAX_DEK_BYTES:
            raise Unsupported(f"a secret has {MIN_DEK_BYTES} to {MAX_DEK_BYTES} bytes")
        _version, ciphertext = self._client.encrypt(self._target, secret, _LABEL + aad, call)
        return ciphertext

    def open(self, sealed: bytes, aad: bytes, call: Call) -> bytearray:
        if not sealed:
            raise CiphertextRejected("not the size of a sealed secret")
        return self._client.decrypt(self._target, sealed, _LABEL + aad, call)

    def close(self) -> None:
        self._client.close()
