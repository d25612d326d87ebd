"""Calls of Cloud KMS (REST v1), each tried once and checked in both directions by CRC-32C."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from sealring_gcpkms.application_default import OwnCredentials
from sealring_gcpkms.config import GcpConfig
from sealring_gcpkms.crc32c import crc32c
from sealring_gcpkms.credentials import Identities
from sealring_gcpkms.errors import OF_DECRYPTION, refusal
from sealring_gcpkms.key import OwnTarget, Target
from sealring_plugin import Call, ProviderError, Unavailable, dial
from sealring_plugin.net import HttpsClient, Request, tls_context

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class Client:
    """Calls Cloud KMS. Thread-safe. Connects at the first call. Raises ProviderError, which never quotes Google."""

    def __init__(self, config: GcpConfig) -> None:
        """Raises ConfigInvalid if `ca_file` cannot be used."""
        tls = tls_context(config.ca_file)
        self._direct = HttpsClient(dial, tls)  # for our own credentials, whose hosts no tenant can choose
        self._guarded = HttpsClient(config.egress.connect, tls)
        own = OwnCredentials(config.credentials_file, self._direct)
        self._identities = Identities(own.fetch, self._guarded, config.iam_endpoint)
        self._agent = f"sealring-gcpkms/{version('sealring-gcpkms')}"

    def be_ourselves(self, call: Call) -> None:
        """Check that our own credentials give a token. Raises ConfigInvalid."""
        self._identities.token(None, call.deadline)

    def become(self, target: Target, call: Call) -> None:
        """Check that we can impersonate the account of the key's organization. Raises ConfigInvalid, AccessDenied."""
        self._identities.token(target.account, call.deadline)

    def encrypt(
        self, target: Target | OwnTarget, plaintext: bytes | bytearray, aad: bytes, call: Call
    ) -> tuple[int, bytes]:
        """Return the number of the key's version, and the ciphertext (cryptoKeys.encrypt)."""
        body = {**_checked("plaintext", plaintext), **_checked("additionalAuthenticatedData", aad)}
        answer = self._post(target, "encrypt", body, call)
        number = target.key.version_of(answer.get("name"))
        if number is None:
            raise Unavailable("Google encrypted with another key than the requested one")
        if not all(
            answer.get(f"verified{what}Crc32c") is True for what in ("Plaintext", "AdditionalAuthenticatedData")
        ):
            raise Unavailable("Google did not verify the checksums of the request")
        return number, bytes(_bytes(answer, "ciphertext"))

    def decrypt(self, target: Target | OwnTarget, ciphertext: bytes, aad: bytes, call: Call) -> bytearray:
        """Return the plaintext (cryptoKeys.decrypt)."""
        body = {**_checked("ciphertext", ciphertext), **_checked("additionalAuthenticatedData", aad)}
        return _bytes(self._post(target, "decrypt", body, call, OF_DECRYPTION), "plaintext")

    def describe(self, target: Target, call: Call) -> Mapping[str, Any]:
        """Return Google's description of the key (cryptoKeys.get)."""
        answer = self._send(target, Request("GET", target.endpoint, f"/v1/{target.key.name}", {}), call)
        if answer.get("name") != target.key.name:
            raise Unavailable("Google described another key than the requested one")
        return answer

    def granted(self, target: Target, permissions: Iterable[str], call: Call, *, to_us: bool = False) -> frozenset[str]:
        """Return the permissions on the key that the account has or, if `to_us`, that our own credentials have.

        (cryptoKeys.testIamPermissions)
        """
        request = _post(target, "testIamPermissions", {"permissions": sorted(permissions)})
        granted = self._send(target, request, call, to_us=to_us).get("permissions", [])
        return frozenset(map(str, granted))

    def close(self) -> None:
        self._guarded.close()
        self._direct.close()

    def _post(
        self,
        target: Target | OwnTarget,
        verb: str,
        body: Mapping[str, object],
        call: Call,
        differing: Mapping[str, type[ProviderError]] | None = None,
    ) -> Mapping[str, Any]:
        return self._send(target, _post(target, verb, body), call, differing)

    def _send(
        self,
        target: Target | OwnTarget,
        request: Request,
        call: Call,
        differing: Mapping[str, type[ProviderError]] | None = None,
        *,
        to_us: bool = False,
    ) -> Mapping[str, Any]:
        account = None if to_us else target.account
        token = self._identities.token(account, call.deadline)
        headers = {**request.headers, "authorization": f"Bearer {token}", "user-agent": self._user_agent(call)}
        answer = self._guarded.send(replace(request, headers=headers), call.deadline)
        if answer.status == 401:
            self._identities.forget(account, token)
        if answer.status != 200:
            raise refusal(answer, differing)
        return answer.document()

    def _user_agent(self, call: Call) -> str:
        """Return the User-Agent, which Cloud Audit Logs have as `requestMetadata.callerSuppliedUserAgent`."""
        return f"{self._agent} (request {call.request_id})" if _REQUEST_ID.fullmatch(call.request_id) else self._agent


def _post(target: Target | OwnTarget, verb: str, body: Mapping[str, object]) -> Request:
    path = f"/v1/{target.key.name}:{verb}"
    return Request("POST", target.endpoint, path, {"content-type": "application/json"}, json.dumps(body).encode())


def _checked(name: str, binary: bytes | bytearray) -> Mapping[str, str]:
    """Return a field with its checksum. Bytes are base64, and 64-bit numbers are text (proto3 JSON mapping)."""
    return {name: b64encode(binary).decode(), f"{name}Crc32c": str(crc32c(binary))}


def _bytes(answer: Mapping[str, object], name: str) -> bytearray:
    """Raises Unavailable if the checksum is missing or wrong (Cloud KMS, "Verifying end-to-end data integrity")."""
    try:
        binary = bytearray(b64decode(str(answer[name]), validate=True))
        intact = int(str(answer[f"{name}Crc32c"])) == crc32c(binary)
    except (KeyError, ValueError):
        raise Unavailable(f"Google's answer has no {name} with its checksum") from None
    if not intact:
        raise Unavailable(f"the {name} in Google's answer was altered in transit")
    return binary
