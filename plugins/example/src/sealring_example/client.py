"""Calls of the KMS over HTTPS, each tried once and with a deadline."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sealring_example.errors import failure
from sealring_plugin import Call
from sealring_plugin.net import Endpoint, HttpsClient, Request, dial, tls_context


class Client:
    """Calls the KMS at one endpoint. Thread-safe. Raises ConfigInvalid if the URL of the endpoint is not allowed."""

    def __init__(self, endpoint: str, token: str) -> None:
        self._endpoint = Endpoint.parse(endpoint, "endpoint")
        self._http = HttpsClient(dial, tls_context())  # `dial`: only the operator chooses the endpoint
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def post(self, path: str, body: Mapping[str, object], call: Call) -> Mapping[str, str]:
        """Return the answer. Raises ProviderError, which never quotes a text of the KMS."""
        request = Request("POST", self._endpoint, path, self._headers, json.dumps(body).encode())
        answer = self._http.send(request, call.deadline)
        document = answer.document()
        if answer.status != 200:
            raise failure(answer.status, str(document.get("code")))
        return document

    def close(self) -> None:
        self._http.close()
