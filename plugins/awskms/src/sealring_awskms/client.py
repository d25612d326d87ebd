"""Calls of KMS, each with the credentials that its key asks for, and each at most once."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sealring_awskms import sdk
from sealring_awskms.config import AwsConfig
from sealring_awskms.credentials import Identities
from sealring_awskms.errors import EXPIRED, REFUSED, code_of, failure
from sealring_awskms.key import Key
from sealring_awskms.sdk import Credentials
from sealring_plugin import AccessDenied, Call, DeadlineExceeded, ProviderError, Unavailable
from sealring_plugin.net import Connect, Egress, HttpsClient, Renewed, tls_context

CONNECT_S = 1.0  # an endpoint that is there takes a connection sooner; the rest of the deadline is for a retry


class Client:
    """Thread-safe. Connects, and looks for credentials, on the first call."""

    def __init__(self, config: AwsConfig) -> None:
        """Raises ConfigInvalid."""
        self._https = HttpsClient(_connecting(config.egress), tls_context(config.ca_file))
        self._clients = sdk.Clients(self._https)
        self._identities = Identities(config, self._https, self._clients)

    def call(self, operation: str, key: Key, call: Call, **parameters: Any) -> Mapping[str, Any]:
        """Return the answer. Raises ProviderError; its text is never AWS's own."""
        identity = self._identities.of(key)
        credentials = identity.get(call.deadline)
        kms = self._clients.get("kms", key.region, key.kms, credentials)
        try:
            return sdk.asked(lambda: dict(getattr(kms, operation)(**parameters)), call)
        except ClientError as error:
            response = error.response
        raise self._refused(response, key, identity, credentials)  # out here, so that AWS's text does not go with it

    def authenticate(self, key: Key, call: Call) -> None:
        """Get credentials for a key. Raises ProviderError: AccessDenied if its role does not let us in."""
        self._identities.of(key).get(call.deadline)

    def is_let_in(self, key: Key, call: Call) -> bool:
        """Whether the key's role takes its external id at this moment; nothing is kept. Raises ProviderError."""
        try:
            self._identities.assume(key, call)
        except AccessDenied:
            return False
        return True

    def close(self) -> None:
        self._https.close()

    def _refused(
        self, response: Mapping[str, Any], key: Key, identity: Renewed[Credentials], used: Credentials
    ) -> ProviderError:
        code = code_of(response)
        if code in EXPIRED | REFUSED:
            identity.forget(used)
        if code in REFUSED and key.role_arn:
            return AccessDenied(f"AWS does not take the role's credentials any more ({code})")
        return failure(response)


def _connecting(egress: Egress) -> Connect:
    """Return a `connect` that gives the guard 1 s at most, then raises Unavailable: sealring retries it."""

    def connect(host: str, port: int, deadline: float) -> socket.socket:
        until = min(deadline, time.monotonic() + CONNECT_S)
        try:
            return egress.connect(host, port, until)
        except DeadlineExceeded:
            if until == deadline:
                raise
        raise Unavailable(f"the endpoint did not take the connection within {CONNECT_S:g} s")

    return connect
