"""Who we are to a key: the service account of its organization, which we become by impersonation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sealring_gcpkms.application_default import OwnCredentials
from sealring_gcpkms.errors import OF_AN_OWNERS_ACCOUNT, OF_OUR_ACCOUNT, refusal
from sealring_gcpkms.key import Account
from sealring_gcpkms.tokens import Token, Tokens
from sealring_gcpkms.transport import Endpoint, Request, Transport
from sealring_plugin import Unavailable

SCOPE = "https://www.googleapis.com/auth/cloudkms"  # the least that Cloud KMS takes
LIFE_S = 3600  # the most that generateAccessToken gives without an organization policy


class Identities:
    """Tokens of the organizations' accounts. Thread-safe.

    A denial of an account in our own project is the operator's trouble; of one in the key owner's, the owner's wish.
    """

    def __init__(self, own: OwnCredentials, transport: Transport, iam_endpoint: Endpoint) -> None:
        self._transport = transport
        self._iam_endpoint = iam_endpoint
        self._own: Tokens[None] = Tokens(lambda _, deadline: own.fetch(deadline))
        self._accounts: Tokens[Account] = Tokens(self._impersonate)

    def token(self, account: Account | None, deadline: float) -> str:
        """Return a token of the account; of ourselves, where there is none. Raises ProviderError."""
        return self._own.get(None, deadline) if account is None else self._accounts.get(account, deadline)

    def forget(self, account: Account | None, token: str) -> None:
        """Drop a token that was refused."""
        if account is None:
            self._own.forget(None, token)
        else:
            self._accounts.forget(account, token)

    def _impersonate(self, account: Account, deadline: float) -> Token:
        """projects.serviceAccounts.generateAccessToken, IAM Service Account Credentials REST v1."""
        own = self._own.get(None, deadline)
        answer = self._transport.send(self._request(account, own), deadline)
        if answer.status == 401:
            self._own.forget(None, own)
        if answer.status != 200:
            raise refusal(answer, OF_OUR_ACCOUNT if account.ours else OF_AN_OWNERS_ACCOUNT)
        return _token(answer.document())

    def _request(self, account: Account, own: str) -> Request:
        path = f"/v1/projects/-/serviceAccounts/{account.email}:generateAccessToken"
        headers = {"authorization": f"Bearer {own}", "content-type": "application/json"}
        body = json.dumps({"scope": [SCOPE], "lifetime": f"{LIFE_S}s"}).encode()
        return Request("POST", self._iam_endpoint, path, headers, body)


def _token(document: Mapping[str, object]) -> Token:
    try:
        ends = datetime.fromisoformat(str(document["expireTime"]))
        life_s = (ends - datetime.now(UTC)).total_seconds()
        return Token.of(str(document["accessToken"]), min(life_s, LIFE_S))
    except (KeyError, ValueError, TypeError):
        raise Unavailable("Google answered with no token") from None
