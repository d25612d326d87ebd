"""The parts of botocore that are used: signing, and the messages of S3; neither its HTTP nor its log nor its retries.

botocore gives us each request by the event `before-send`, and `HttpsClient` sends it once, by a deadline.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from sealring.archive.answers import NoAnswer, Refused
from sealring.archive.place import BucketPlace
from sealring.errors import SettingsInvalid
from sealring_plugin import ConfigInvalid, ProviderError
from sealring_plugin.net import Endpoint, HttpsClient, Request, dial, tls_context

MAX_ANSWER_BYTES = 4 << 20  # a page of a thousand keys, each at its longest and escaped

# The machine says nothing to a session: where the bucket is, and who we are there, stands in our settings.
_DEFAULTS = {name: (None, None, usual, kind) for name, (_, _, usual, kind) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
_NOTHING = (None, None, os.devnull, None)
_ISOLATED = {**_DEFAULTS, "config_file": _NOTHING, "credentials_file": _NOTHING}

# What botocore raises for an answer that is none.
_UNREADABLE = (BotoCoreError, ResponseParserError, ValueError, TypeError, AttributeError, LookupError)

_DEADLINE: ContextVar[float] = ContextVar("sealring_archive_deadline")


class Client:
    """Thread-safe. Connects on the first call."""

    def __init__(self, place: BucketPlace) -> None:
        """Raises SettingsInvalid."""
        try:
            self._https = HttpsClient(dial, tls_context(place.ca_file), MAX_ANSWER_BYTES)
        except ConfigInvalid as error:
            raise SettingsInvalid(f"[keyrings] {error}") from error
        self._bucket = place.bucket
        self._s3 = _made(place, self._https)

    def call(self, operation: str, until: float, **parameters: Any) -> Mapping[str, Any]:
        """Return the answer, with its whole body. `until` is of time.monotonic(). Raises NoAnswer, Refused."""
        try:
            with _until(until):
                answer = dict(getattr(self._s3, operation)(Bucket=self._bucket, **parameters))
        except ClientError as error:
            failure: Exception = _refusal(error.response)
        except ProviderError as error:  # of `HttpsClient`: its text names the host at most
            failure = NoAnswer(str(error))
        except _UNREADABLE as error:
            failure = NoAnswer(type(error).__name__)
        else:
            return answer
        raise failure  # out here, since what botocore raises quotes the answer

    def close(self) -> None:
        self._https.close()


def _made(place: BucketPlace, https: HttpsClient) -> Any:
    session = Session(session_vars=_ISOLATED)
    session.register("before-send", _sender(https))
    client = session.create_client(
        "s3",
        region_name=place.region,
        endpoint_url=place.endpoint,
        aws_access_key_id=place.access_key_id,
        aws_secret_access_key=place.secret_access_key,
        config=Config(
            retries={"total_max_attempts": 1},
            ignore_configured_endpoint_urls=True,
            request_checksum_calculation="when_required",  # other storages know no checksums but their own
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if place.path_style else "virtual", "payload_signing_enabled": True},
        ),
    )
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] == "botocore" and isinstance(logger, logging.Logger):
            logger.addFilter(_no_details)
    return client


def _no_details(record: logging.LogRecord) -> bool:
    """At DEBUG, botocore logs bodies and what it signs with."""
    return record.levelno > logging.DEBUG


@contextmanager
def _until(deadline: float) -> Iterator[None]:
    token = _DEADLINE.set(deadline)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def _sender(https: HttpsClient) -> Callable[..., AWSResponse]:
    def send(request: AWSPreparedRequest, **_event: object) -> AWSResponse:
        headers = {name: _text(value) for name, value in request.headers.items() if name.lower() != "expect"}
        endpoint, path = Endpoint.split(request.url)
        answer = https.send(Request(request.method, endpoint, path, headers, _bytes(request.body)), _DEADLINE.get())
        return AWSResponse(request.url, answer.status, answer.headers, _Raw(answer.body))

    return send


class _Raw(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


def _bytes(body: Any) -> bytes:
    if hasattr(body, "read"):
        return bytes(body.read())
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _refusal(response: Mapping[str, Any]) -> Exception:
    """A refusal has a code of S3; what a proxy answers instead of the storage has none."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Refused(status, str(response.get("Error", {}).get("Code", "")))
