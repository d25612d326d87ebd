"""Access tokens of Entra ID, one for each tenant and resource."""

from __future__ import annotations

import re
from functools import partial
from urllib.parse import urlencode

from sealring_azurekv.config import AzureConfig
from sealring_azurekv.credentials import Credential
from sealring_azurekv.errors import token_failure
from sealring_azurekv.key import Target
from sealring_plugin import Unavailable
from sealring_plugin.net import Answer, Bounded, HttpsClient, Lease, Renewed, Request, token_life_s

MAX_LIFE_S = 86_400  # learn.microsoft.com/entra/identity-platform/access-tokens#token-lifetime

_TOKEN = re.compile(r"[\x21-\x7e]+")


class Tokens:
    """Thread-safe; fork-safe."""

    def __init__(self, config: AzureConfig, login: HttpsClient, credential: Credential) -> None:
        self._client_id = config.client_id
        self._authority = config.authority
        self._login = login
        self._credential = credential
        self._kept: Bounded[tuple[str, str], Renewed[str]] = Bounded()

    def token_for(self, target: Target, deadline: float) -> str:
        """Return a token for the vault of a key. Raises ProviderError."""
        return self._renewed(target).get(deadline)

    def forget(self, target: Target, refused: str) -> None:
        """Drop a token that the vault refused, unless there is another one by now."""
        self._renewed(target).forget(refused)

    def _renewed(self, target: Target) -> Renewed[str]:
        tenant, resource = target.tenant, target.resource
        return self._kept.get((tenant, resource), lambda: Renewed(partial(self._fetched, tenant, resource)))

    def _fetched(self, tenant: str, resource: str, deadline: float) -> Lease[str]:
        """Ask as learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow says."""
        path = f"/{tenant}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "scope": f"{resource}/.default",
            **self._credential.parameters(f"{self._authority.url}{path}"),
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        request = Request("POST", self._authority, path, headers, urlencode(form).encode())
        answer = self._login.send(request, deadline)
        if answer.status != 200:
            raise token_failure(answer)
        return _lease(answer)


def _lease(answer: Answer) -> Lease[str]:
    body = answer.document()
    value, life_s = body.get("access_token"), token_life_s(body.get("expires_in"), most_s=MAX_LIFE_S)
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise Unavailable("Entra ID answered without a token")
    if life_s is None:
        raise Unavailable("Entra ID answered with a token of no sensible lifetime")
    return Lease(value, life_s)
