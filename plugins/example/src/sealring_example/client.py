"""Calls of the KMS over HTTP, each with its own connection: there is nothing to share between threads or processes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from sealring_example.errors import failure
from sealring_plugin import Call, ConfigInvalid, DeadlineExceeded, Unavailable

MAX_ANSWER_BYTES = 65536


class Client:
    """Raises ConfigInvalid where the endpoint is none."""

    def __init__(self, endpoint: str, token: str) -> None:
        address = urlsplit(endpoint)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise ConfigInvalid("endpoint must be http://... or https://...")
        self._connection = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._host = address.netloc
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def post(self, path: str, body: Mapping[str, object], call: Call) -> Mapping[str, str]:
        """Return the answer. Raises ProviderError; its text is never the KMS's own."""
        left_s = call.deadline - time.monotonic()
        if left_s <= 0:
            raise DeadlineExceeded("no time was left for the KMS")
        connection = self._connection(self._host, timeout=left_s)
        try:
            connection.request("POST", path, json.dumps(body), self._headers)
            response = connection.getresponse()
            answer = json.loads(response.read(MAX_ANSWER_BYTES))
        except TimeoutError:
            raise DeadlineExceeded("the KMS did not answer in time") from None
        except (OSError, HTTPException, ValueError) as error:
            raise Unavailable(f"the KMS cannot be reached ({type(error).__name__})") from None
        finally:
            connection.close()
        if response.status != 200:
            raise failure(response.status, answer.get("code"))
        return answer  # type: ignore[no-any-return]
