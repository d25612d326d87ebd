"""The seal of the root by AWS KMS: an Encrypt when the root is sealed, a Decrypt when a server starts."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from sealring_awskms.client import Client
from sealring_awskms.config import AwsConfig
from sealring_awskms.key import Key
from sealring_awskms.wrap import MAX_BLOB_BYTES, MAX_DEK_BYTES, MIN_DEK_BYTES, blob_of, expect_key
from sealring_plugin import Call, CiphertextRejected, ConfigValue, Unsupported

CONTEXT_PAIR = "sealring-root"

_LABEL = b"sealring-awskms/v1/seal"


class AwsKmsSeal:
    """Seals with a key of the operator's. Connects on the first call.

    Permissions, on the key: kms:Decrypt for the server; kms:Encrypt too for who runs `sealring root reseal`. Both only
    with the encryption context `sealring-root`. Complete configuration:

        [seal.1]
        provider = "awskms"
        key = "arn:aws:kms:eu-west-1:111122223333:key/0123abcd-0123-0123-0123-0123456789ab"
        access_key_id = "AKIAIOSFODNN7EXAMPLE"            # leave out for botocore's default chain
        secret_access_key_file = "seal-secret-access-key"
        session_token_file = "seal-session-token"         # for temporary credentials
        endpoint = "https://vpce-0a1b-2c3d.kms.eu-west-1.vpce.amazonaws.com"
        allowed_hosts = "vpce-0a1b-2c3d.kms.eu-west-1.vpce.amazonaws.com"
        ca_file = "private-ca.pem"
    """

    def __init__(self, config: Mapping[str, ConfigValue]) -> None:
        """Raises ConfigInvalid."""
        given = {**config}
        arn, endpoint = str(given.pop("key")), str(given.pop("endpoint", ""))
        checked = AwsConfig.of(given)
        self._key = Key.ours(checked, arn, endpoint)
        self._client = Client(checked)

    def seal(self, secret: bytes | bytearray, aad: bytes, call: Call) -> bytes:
        if not MIN_DEK_BYTES <= len(secret) <= MAX_DEK_BYTES:
            raise Unsupported(f"a secret has {MIN_DEK_BYTES} to {MAX_DEK_BYTES} bytes")
        key, pairs = self._key, _pairs(aad)
        answer = self._client.call("encrypt", key, call, KeyId=key.arn, Plaintext=secret, EncryptionContext=pairs)
        expect_key(answer, "KeyId", key)
        return blob_of(answer, "CiphertextBlob")

    def open(self, sealed: bytes, aad: bytes, call: Call) -> bytearray:
        if not 1 <= len(sealed) <= MAX_BLOB_BYTES:
            raise CiphertextRejected("not the size of a sealed secret")
        key, pairs = self._key, _pairs(aad)
        answer = self._client.call("decrypt", key, call, KeyId=key.arn, CiphertextBlob=sealed, EncryptionContext=pairs)
        expect_key(answer, "KeyId", key)
        return bytearray(blob_of(answer, "Plaintext"))

    def close(self) -> None:
        self._client.close()


def _pairs(aad: bytes) -> Mapping[str, str]:
    """Return the encryption context: SHA-256 of what the secret is bound to, in 43 characters of base64url."""
    return {CONTEXT_PAIR: urlsafe_b64encode(hashlib.sha256(_LABEL + aad).digest()).decode().rstrip("=")}
