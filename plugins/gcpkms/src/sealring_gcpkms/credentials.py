"""Tokens for the organizations' service accounts, by impersonation with our own credentials."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sealring_gcpkms.account import Account
from sealring_gcpkms.errors import OF_AN_OWNERS_ACCOUNT, OF_OUR_ACCOUNT, refusal
from sealring_plugin import Unavailable
from sealring_plugin.net import Bounded, Endpoint, HttpsClient, Lease, Renewed, Request

SCOPE = "https://www.googleapis.com/auth/cloudkms"  # the least that Cloud KMS takes
LIFE_S = 3600  # the most that generateAccessToken gives without an organization policy

_TOKEN = re.compile(r"[!-~]+")  # characters that a header may contain


class Identities:
    """Tokens of the organizations' accounts. Thread-safe.

    If impersonation is denied, the operator has to act for an account in our project (ConfigInvalid), and the key's
    owner for an account in theirs (AccessDenied). `own` fetches a token for our own credentials.
    """

    def __init__(self, own: Callable[[float], Lease[str]], http: HttpsClient, iam_endpoint: Endpoint) -> None:
        self._http = http
        self._iam_endpoint = iam_endpoint
        self._own = Renewed(own)
        self._accounts: Bounded[Account, Renewed[str]] = Bounded()

    def token(self, account: Account | None, deadline: float) -> str:
        """Return a token of the account; None: of our own credentials. Raises ProviderError."""
        return self._renewed(account).get(deadline)

    def forget(self, account: Account | None, token: str) -> None:
        """Drop a token that was refused."""
        self._renewed(account).forget(token)

    def _renewed(self, account: Account | None) -> Renewed[str]:
        if account is None:
            return self._own
        return self._accounts.get(account, lambda: Renewed(lambda deadline: self._impersonated(account, deadline)))

    def _impersonated(self, account: Account, deadline: float) -> Lease[str]:
        """projects.serviceAccounts.generateAccessToken, IAM Service Account Credentials REST v1."""
        own = self._own.get(deadline)
        answer = self._http.send(self._request(account, own), deadline)
        if answer.status == 401:
            self._own.forget(own)
        if answer.status != 200:
            raise refusal(answer, OF_OUR_ACCOUNT if account.ours else OF_AN_OWNERS_ACCOUNT)
        return _lease(answer.document())

    def _request(self, account: Account, own: str) -> Request:
        path = f"/v1/projects/-/serviceAccounts/{account.email}:generateAccessToken"
        headers = {"authorization": f"Bearer {own}", "content-type": "application/json"}
        body = json.dumps({"scope": [SCOPE], "lifetime": f"{LIFE_S}s"}).encode()
        return Request("POST", self._iam_endpoint, path, headers, body)


def token_of(text: object) -> str:
    """Check that a token can be sent in a header, and return it. Raises Unavailable for anything else."""
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise Unavailable("Google answered without a token")
    return text


def _lease(document: Mapping[str, object]) -> Lease[str]:
    try:
        ends = datetime.fromisoformat(str(document["expireTime"]))
        life_s = (ends - datetime.now(UTC)).total_seconds()
    except (KeyError, ValueError, TypeError):
        raise Unavailable("Google answered without a token") from None
    return Lease(token_of(document.get("accessToken")), min(life_s, LIFE_S))
