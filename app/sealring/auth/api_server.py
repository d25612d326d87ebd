"""A cluster's API server: whether it still accepts a token (TokenReview, authentication.k8s.io/v1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from urllib.request import Request

import orjson

from sealring.auth.addresses import file_for, private_url_of
from sealring.auth.exchange import Trust, authorization, exchange
from sealring.domain.strict_json import MalformedJson, parse_object
from sealring.table import Table

PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Where an API server is, how it is trusted, and by which token it knows us."""

    url: str
    ca_file: Path | None  # more certificates to trust
    token_file: Path  # of a service account that may create TokenReviews

    @classmethod
    def parse(cls, fields: Table, base: Path) -> Self:
        """Check a table of the settings; paths are relative to the folder `base`. Reads no file.

            url = "https://kubernetes.default.svc"
            ca_file = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
            token_file = "/var/run/secrets/kubernetes.io/serviceaccount/token"

        Raises SettingsInvalid.
        """
        fields.only("url", "ca_file", "token_file")
        url = private_url_of(fields, "url").rstrip("/")
        token_file = file_for(fields, "token_file", "url", base)
        if token_file is None:
            fields.refuse("token_file", "is missing: an API server reviews tokens only for service accounts it knows")
        return cls(url, file_for(fields, "ca_file", "url", base), token_file)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


class Reviewer:
    """Asks an API server. Thread-safe. Both files are read again when they have changed."""

    def __init__(self, server: ApiServer, audience: str) -> None:
        self._server = server
        self._audience = audience
        self._trust = Trust(server.ca_file)

    def accepts(self, token: str, subject: str) -> bool:
        """Return whether the API server accepts the token, for our audience and as that subject, within 3 s.

        Raises OSError if it does not say so: no answer, another status than 2xx, or no TokenReview.
        """
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        headers = {"Authorization": authorization(self._server.token_file), "Content-Type": "application/json"}
        request = Request(self._server.url + PATH, orjson.dumps(review), headers)  # noqa: S310  parse checked the scheme
        status = _status(exchange(request, self._trust.context(), TIMEOUT_S))
        user, audiences = status.get("user"), status.get("audiences")
        return (
            status.get("authenticated") is True
            and isinstance(user, dict)
            and user.get("username") == subject
            and isinstance(audiences, list)  # it is absent if the API server only knows its own audience
            and self._audience in audiences
        )


def _status(raw: bytes) -> Mapping[str, object]:
    try:
        review = parse_object(raw)
    except MalformedJson:
        raise OSError("a broken answer") from None
    status = review.get("status")
    if review.get("kind") != "TokenReview" or not isinstance(status, dict):
        raise OSError("an answer that is no TokenReview")
    return status
