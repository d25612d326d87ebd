"""The operations of Key Vault's REST API that we use, each made by the vault and none by us."""

from __future__ import annotations

import json
import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sealring_azurekv.config import AzureConfig
from sealring_azurekv.credentials import credential_of
from sealring_azurekv.description import KeyBundle, rfc3339
from sealring_azurekv.errors import refusal, vault_failure
from sealring_azurekv.key import Target
from sealring_azurekv.tokens import Tokens
from sealring_plugin import Call, KeyNotFound, KeyPendingDeletion, ProviderError, Unavailable
from sealring_plugin.net import HttpsClient, Request, tls_context

API_VERSION = "7.4"  # the oldest that all clouds still serve, and that knows rotation policies

_BASE64URL = re.compile(r"([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,3})?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class Operation:
    """E.g. `wrapkey` by `RSA-OAEP-256`. The parts are `value`, `iv`, `tag`, `aad`; they travel as base64url."""

    name: str
    alg: str
    parts: Mapping[str, bytes | bytearray] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """A KeyOperationResult. `kid` is the key with the version that was used; `iv` and `tag` are of AES-GCM alone."""

    kid: str
    value: bytes = field(repr=False)
    iv: bytes = b""
    tag: bytes = b""


class Client:
    """Thread-safe; fork-safe. Raises ConfigInvalid if the credential or `ca_file` cannot be read."""

    def __init__(self, config: AzureConfig) -> None:
        tls = tls_context(config.ca_file)
        credential = credential_of(config)
        credential.parameters("https://checked.invalid")  # now, and not on the first wrap
        self._vaults = HttpsClient(config.vault_egress.connect, tls)
        self._login = HttpsClient(config.login_egress.connect, tls)
        self._tokens = Tokens(config, self._login, credential)

    def key(self, target: Target, call: Call) -> KeyBundle:
        """Describe the newest version: learn.microsoft.com/rest/api/keyvault/keys/get-key."""
        return KeyBundle.parse(self._ask_of_key(target, "GET", f"/keys/{target.name}", None, call), target)

    def rotation_policy(self, target: Target, call: Call) -> Mapping[str, Any]:
        """learn.microsoft.com/rest/api/keyvault/keys/get-key-rotation-policy."""
        return self._ask_of_key(target, "GET", f"/keys/{target.name}/rotationpolicy", None, call)

    def operate(self, target: Target, version: str, operation: Operation, call: Call) -> Result:
        """Have the vault use a version of the key, or the newest where it is empty.

        learn.microsoft.com/rest/api/keyvault/keys/{wrap-key, unwrap-key, encrypt, decrypt}; without a version as in
        learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses#request-url-structure.
        """
        body = {"alg": operation.alg, **{name: encoded(part) for name, part in operation.parts.items()}}
        path = "/".join(filter(None, ("/keys", target.name, version, operation.name)))
        return _result(self._ask_of_key(target, "POST", path, body, call))

    @property
    def idle_connections(self) -> int:
        return self._vaults.idle_connections + self._login.idle_connections

    def close(self) -> None:
        self._vaults.close()
        self._login.close()

    def _ask_of_key(
        self, target: Target, method: str, path: str, body: Mapping[str, str] | None, call: Call
    ) -> Mapping[str, Any]:
        """Raises KeyPendingDeletion instead of KeyNotFound, where the vault tells: both are 404 to it."""
        try:
            return self._ask(target, method, path, body, call)
        except KeyNotFound as missing:
            raise self._deleted(target, call) or missing from None

    def _deleted(self, target: Target, call: Call) -> KeyPendingDeletion | None:
        """learn.microsoft.com/rest/api/keyvault/keys/get-deleted-key; needs more permission than most will give us."""
        try:
            deleted = self._ask(target, "GET", f"/deletedkeys/{target.name}", None, call)
        except ProviderError:
            return None
        when = rfc3339(deleted.get("scheduledPurgeDate"))
        return KeyPendingDeletion("the key is deleted; it can be recovered until it is purged", when=when)

    def _ask(
        self, target: Target, method: str, path: str, body: Mapping[str, str] | None, call: Call
    ) -> Mapping[str, Any]:
        token = self._tokens.token_for(target, call.deadline)
        content = None if body is None else json.dumps(body).encode()
        versioned, headers = f"{path}?api-version={API_VERSION}", _headers(target, call, token)
        answer = self._vaults.send(Request(method, target.endpoint, versioned, headers, content), call.deadline)
        if answer.status == 401:
            self._tokens.forget(target, token)
            raise refusal(answer, target)
        if answer.status != 200:
            raise vault_failure(answer)
        return answer.document()


def encoded(binary: bytes | bytearray) -> str:
    """Return base64url as Key Vault wants it, without padding."""
    return urlsafe_b64encode(binary).rstrip(b"=").decode()


def _decoded(text: object) -> bytes:
    """Return the bytes, of which there are none where the text is missing. Raises Unavailable for no base64url."""
    if text is None:
        return b""
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise Unavailable("Key Vault answered with what is no base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _result(body: Mapping[str, Any]) -> Result:
    kid, value = body.get("kid"), _decoded(body.get("value"))
    if not isinstance(kid, str) or not value:
        raise Unavailable("Key Vault answered without a result")
    return Result(kid, value, _decoded(body.get("iv")), _decoded(body.get("tag")))


def _headers(target: Target, call: Call, token: str) -> Mapping[str, str]:
    """The request id is in the vault's log as part of `clientInfo`, and as a UUID made of it in `correlationId`."""
    named = call.request_id if _REQUEST_ID.fullmatch(call.request_id) else "-"
    return {
        "host": target.vault_host,
        "authorization": f"Bearer {token}",
        "accept": "application/json",
        "content-type": "application/json",
        "user-agent": f"sealring-azurekv (request {named})",
        "x-ms-client-request-id": str(uuid.uuid5(uuid.NAMESPACE_OID, named)),
    }
