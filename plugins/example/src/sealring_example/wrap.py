"""The example provider: each wrap and unwrap is one call of the KMS."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping

from sealring_example.client import Client
from sealring_example.setup import guide
from sealring_plugin import Call, CiphertextRejected, CustomersKey, SetupGuide, Unavailable, WrapContext, WrappedKey

ALG = "example-v1"


class ExampleProvider:
    """Wraps with existing keys of the KMS. Thread-safe.

    Permissions: `encrypt` and `decrypt` on the key. Complete configuration:

        [plugins.example]
        endpoint = "http://127.0.0.1:8300"
        token = "..."
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def wrap(self, key: CustomersKey, dek: bytes | bytearray, context: WrapContext, call: Call) -> WrappedKey:
        answer = self._client.post("/encrypt", {**_bound(key, context), "plaintext": _text(dek)}, call)
        return WrappedKey(ALG, _binary(answer, "ciphertext"))

    def unwrap(self, wrapped: WrappedKey, key: CustomersKey, context: WrapContext, call: Call) -> bytearray:
        if wrapped.alg != ALG:
            raise CiphertextRejected("wrapped with another algorithm")
        answer = self._client.post("/decrypt", {**_bound(key, context), "ciphertext": _text(wrapped.blob)}, call)
        return bytearray(_binary(answer, "plaintext"))

    def bound_pairs(self, context: WrapContext) -> Mapping[str, str]:
        return context.pairs

    def explain_setup(self, *, principal: str, organization_id: str, external_id: str) -> SetupGuide:  # noqa: ARG002
        return guide(principal, organization_id)

    def check(self, call: Call) -> None:
        self._client.post("/check", {}, call)

    def close(self) -> None:
        self._client.close()


def _bound(key: CustomersKey, context: WrapContext) -> Mapping[str, object]:
    """Return what the KMS authenticates with each blob; it shows the context to the owner of the key."""
    return {"key": key.key_id, "version": key.version, "context": dict(context.pairs), "aad": _text(context.aad)}


def _binary(answer: Mapping[str, str], name: str) -> bytes:
    """Raises Unavailable if the answer has no base64 text of that name."""
    try:
        return b64decode(answer[name], validate=True)
    except (KeyError, ValueError, TypeError):
        raise Unavailable(f"the KMS answered without a {name}") from None


def _text(binary: bytes | bytearray) -> str:
    return b64encode(binary).decode()
