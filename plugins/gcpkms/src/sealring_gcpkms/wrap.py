"""The gcpkms provider: each wrap and unwrap is one call of Cloud KMS as the organization's service account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sealring_gcpkms import blob, findings
from sealring_gcpkms.client import Client
from sealring_gcpkms.config import GcpConfig
from sealring_gcpkms.description import Described
from sealring_gcpkms.key import Target
from sealring_gcpkms.setup import guide
from sealring_plugin import (
    Call,
    CustomersKey,
    Finding,
    KeyDescription,
    SetupGuide,
    Unsupported,
    WrapContext,
    WrappedKey,
)

MIN_DEK_BYTES = 16
MAX_DEK_BYTES = 64


class GcpProvider:
    """Wraps with keys that customers have in Google Cloud KMS. Thread-safe.

    Permissions: on each key, for the organization's service account, `cloudkms.cryptoKeyVersions.useToEncrypt` and
    `cloudkms.cryptoKeyVersions.useToDecrypt` (roles/cloudkms.cryptoKeyEncrypterDecrypter); `cloudkms.cryptoKeys.get`
    (e.g. roles/cloudkms.viewer) for warnings about the key. On that account, for our own credentials,
    `iam.serviceAccounts.getAccessToken` (roles/iam.serviceAccountTokenCreator). Complete configuration:

        [plugins.gcpkms]
        service_account = "sealring-{organization}@vault-prod.iam.gserviceaccount.com"
        principal = "sealring@vault-prod.iam.gserviceaccount.com"
        credentials_file = "gcp.json"                            # without it: application default credentials
        endpoint = "https://cloudkms.googleapis.com"
        iam_endpoint = "https://iamcredentials.googleapis.com"
        allowed_hosts = ""                                       # e.g. "kms.internal.example:8443, localhost"
        ca_file = "private-ca.pem"                               # trusted in addition to the system's
    """

    def __init__(self, config: GcpConfig) -> None:
        self._config = config
        self._client = Client(config)

    def wrap(self, key: CustomersKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey:
        if not MIN_DEK_BYTES <= len(dek) <= MAX_DEK_BYTES:
            raise Unsupported(f"a data key has {MIN_DEK_BYTES} to {MAX_DEK_BYTES} bytes")
        target = Target.of(self._config, key)
        version, ciphertext = self._client.encrypt(target, dek, blob.authenticated(key, context), call)
        return blob.seal(version, dek, ciphertext)

    def unwrap(self, wrapped: WrappedKey, key: CustomersKey, context: WrapContext, call: Call) -> bytearray:
        ciphertext = blob.ciphertext_of(wrapped)
        target = Target.of(self._config, key)
        dek = self._client.decrypt(target, ciphertext, blob.authenticated(key, context), call)
        blob.check(wrapped, dek)
        return dek

    def bound_pairs(self, context: WrapContext) -> Mapping[str, str]:
        return context.pairs

    def describe(self, key: CustomersKey, call: Call) -> KeyDescription:
        target = Target.of(self._config, key)
        return Described.of(target.key, self._client.describe(target, call)).told(target.key)

    def validate(self, key: CustomersKey, call: Call) -> Sequence[Finding]:
        return findings.validate(self._config, self._client, key, call)

    def explain_setup(self, *, principal: str, organization_id: str, external_id: str) -> SetupGuide:
        return guide(self._config, principal, organization_id, external_id)

    def close(self) -> None:
        self._client.close()
