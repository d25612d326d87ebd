"""Tokens for sealring's own credentials, with which it impersonates the accounts of organizations.

It looks for them in the order of Google's application default credentials: credentials_file of the settings,
GOOGLE_APPLICATION_CREDENTIALS, the file of `gcloud auth application-default login`, the metadata server. google-auth
reads the files, and gets a token for each type. It never retries with a sleep: any status but 200 ends the call.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.auth import aws, identity_pool
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import credentials as authorized_user
from google.oauth2 import service_account

from sealring_gcpkms.credentials import token_of
from sealring_plugin import (
    ConfigInvalid,
    ProviderError,
    Throttled,
    Unavailable,
    read_private,
    read_shared,
    token_life_s,
)
from sealring_plugin.net import Answer, Endpoint, HttpsClient, Lease, Request

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)  # generateAccessToken asks for it, or for .../auth/iam

_METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"  # Compute Engine, "Access tokens"
_METADATA_HOST = re.compile(r"([a-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?")
_METADATA_HEADERS = {"Metadata-Flavor": "Google"}
_AWS_TOKEN = "urn:ietf:params:aws:token-type:aws4_request"  # noqa: S105  a name
_OAUTH_CODE = re.compile(r"[a-z_]{1,40}")  # RFC 6749 section 5.2
_FIELD = "credentials_file"
MAX_LIFE_S = 43_200.0  # the most that Google gives: constraints/iam.allowServiceAccountCredentialLifetimeExtension

_PASSING = frozenset({408, 500, 502, 503, 504})


class OwnCredentials:
    """Fetches tokens for our own credentials. Called by one thread at a time. It looks for the credentials once."""

    def __init__(self, file: Path | None, http: HttpsClient) -> None:
        self._file = file
        self._http = http
        self._found: Callable[[float], Lease[str]] | None = None

    def fetch(self, deadline: float) -> Lease[str]:
        """Raises ConfigInvalid, Throttled, Unavailable, DeadlineExceeded."""
        if self._found is None:
            self._found = self._find()
        return self._found(deadline)

    def _find(self) -> Callable[[float], Lease[str]]:
        file = self._file or _default_file()
        if file is None:
            return self._of_machine
        credentials = _load(file)
        return lambda deadline: self._of_file(credentials, deadline)

    def _of_file(self, credentials: Credentials, deadline: float) -> Lease[str]:
        try:
            credentials.refresh(_GoogleAuthTransport(self._http, deadline))
        except (GoogleAuthError, ValueError, TypeError, KeyError) as error:
            raise ConfigInvalid(f"our own credentials cannot be used ({type(error).__name__})") from None
        if credentials.expiry is None:
            raise ConfigInvalid("our own credentials gave a token without an expiry")
        life = credentials.expiry - datetime.now(UTC).replace(tzinfo=None)
        return Lease(token_of(credentials.token), life.total_seconds())

    def _of_machine(self, deadline: float) -> Lease[str]:
        answer = self._http.send(_metadata_request(), deadline)
        document = answer.document()
        if answer.status != 200:
            raise _refusal(answer)
        if answer.headers.get("metadata-flavor") != "Google" or not isinstance(document.get("access_token"), str):
            raise ConfigInvalid("a server that is not Google's metadata server answers for it; set credentials_file")
        return Lease(token_of(document["access_token"]), _life_s(document))


def _metadata_request() -> Request:
    found = _METADATA_HOST.fullmatch(os.environ.get("GCE_METADATA_HOST", "metadata.google.internal"))
    if found is None:  # e.g. a URL, as in GCE_METADATA_ROOT of other tools
        raise ConfigInvalid("GCE_METADATA_HOST must be a host, or host:port")
    endpoint = Endpoint("http", found[1], int(found[2] or 80))
    return Request("GET", endpoint, f"{_METADATA_PATH}?scopes={SCOPES[0]}", _METADATA_HEADERS)


def _default_file() -> Path | None:
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return Path(named)
    folder = os.environ.get("CLOUDSDK_CONFIG")
    of_gcloud = (Path(folder) if folder else Path.home() / ".config/gcloud") / "application_default_credentials.json"
    return of_gcloud if of_gcloud.is_file() else None


def _load(file: Path) -> Credentials:
    info = _parsed(read_shared(file, _FIELD), file)
    if _is_secret(info):
        info = _parsed(read_private(file, _FIELD), file)
    kind = str(info.get("type"))
    if kind not in _LOADERS:
        raise ConfigInvalid(f"our own credentials in {file} must be of type {' | '.join(_LOADERS)}")
    try:
        return _LOADERS[kind](info)
    except (GoogleAuthError, ValueError, TypeError, AttributeError) as error:
        raise ConfigInvalid(f"our own credentials in {file} are malformed ({type(error).__name__})") from None


def _parsed(content: bytes, file: Path) -> Mapping[str, Any]:
    try:
        info = json.loads(content)
    except (ValueError, RecursionError):
        raise ConfigInvalid(f"our own credentials in {file} are not JSON") from None
    return info if isinstance(info, dict) else {}


def _is_secret(info: Mapping[str, Any]) -> bool:
    """Whether a file must be private. That of a workload identity only names a token's place, often in a ConfigMap."""
    return info.get("type") != "external_account" or "client_secret" in info


def _external_account(info: Mapping[str, Any]) -> Credentials:
    """Workload identity federation: exchange a token of another cloud, or of Kubernetes, for one of Google's."""
    kind = aws if info.get("subject_token_type") == _AWS_TOKEN else identity_pool
    credentials: Credentials = kind.Credentials.from_info(info, scopes=SCOPES)
    return credentials


_LOADERS: Mapping[str, Callable[[Mapping[str, Any]], Credentials]] = {
    "external_account": _external_account,
    "service_account": lambda info: service_account.Credentials.from_service_account_info(info, scopes=SCOPES),
    "authorized_user": lambda info: authorized_user.Credentials.from_authorized_user_info(info, scopes=SCOPES),
}


@dataclass(frozen=True, slots=True)
class _Response:
    """A response as google-auth expects it."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    data: bytes = field(repr=False)


class _GoogleAuthTransport:
    """The callable that google-auth sends requests with."""

    def __init__(self, http: HttpsClient, deadline: float) -> None:
        self._http = http
        self._deadline = deadline

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,  # e.g. its timeout, which is longer than our deadline
    ) -> _Response:
        endpoint, path = Endpoint.split(url)
        answer = self._http.send(Request(method, endpoint, path, headers or {}, body), self._deadline)
        if answer.status != 200:
            raise _refusal(answer)
        return _Response(answer.status, answer.headers, _with_a_life(answer))


def _with_a_life(answer: Answer) -> bytes:
    """Return the body with `expires_in` as google-auth needs it: always present, and a whole number."""
    document = answer.document()
    if "access_token" not in document:
        return answer.body
    return json.dumps({**document, "expires_in": int(_life_s(document))}).encode()


def _life_s(document: Mapping[str, Any]) -> float:
    life_s = token_life_s(document.get("expires_in"), most_s=MAX_LIFE_S)
    if life_s is None:
        raise Unavailable("our own credentials gave a token with an invalid lifetime")
    return life_s


def _refusal(answer: Answer) -> ProviderError:
    code = answer.document().get("error")
    named = f" {code}" if isinstance(code, str) and _OAUTH_CODE.fullmatch(code) else ""
    message = f"our own credentials were answered with {answer.status}{named}"
    if answer.status == 429:
        return Throttled(message)
    return Unavailable(message) if answer.status in _PASSING else ConfigInvalid(message)
