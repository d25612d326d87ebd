"""The example's seal of the root: one call of the KMS for each seal and each opening."""

from __future__ import annotations

from base64 import b64decode, b64encode

from sealring_example.client import Client
from sealring_plugin import Call, Unavailable


class ExampleSeal:
    """Seals with one key of the KMS.

    Permissions: `decrypt` on the key, and `encrypt` to seal. Complete configuration:

        [seal.1]
        provider = "example"
        key = "root"
        endpoint = "http://127.0.0.1:8300"
        token = "..."
    """

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._key = key

    def seal(self, secret: bytes | bytearray, aad: bytes, call: Call) -> bytes:
        return self._asked("encrypt", "plaintext", secret, "ciphertext", aad, call)

    def open(self, sealed: bytes, aad: bytes, call: Call) -> bytearray:
        return bytearray(self._asked("decrypt", "ciphertext", sealed, "plaintext", aad, call))

    def close(self) -> None:
        self._client.close()

    def _asked(  # noqa: PLR0913, PLR0917
        self, operation: str, given: str, binary: bytes | bytearray, wanted: str, aad: bytes, call: Call
    ) -> bytes:
        bound = {
            "key": self._key,
            "version": 1,
            "context": {},
            "aad": b64encode(b"sealring-example/seal" + aad).decode(),
        }
        answer = self._client.post(f"/{operation}", {**bound, given: b64encode(binary).decode()}, call)
        try:
            return b64decode(answer[wanted], validate=True)
        except (KeyError, ValueError, TypeError):
            raise Unavailable(f"the KMS answered without a {wanted}") from None
