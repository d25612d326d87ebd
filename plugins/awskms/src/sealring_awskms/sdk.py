"""The parts of botocore that are used: sessions, signing and parsers; neither its HTTP nor its log.

botocore gives us each request by the event `before-send`, and `HttpsClient` sends it by the deadline of its call.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.exceptions import (
    BotoCoreError,
    ConfigNotFound,
    ConfigParseError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError
from botocore.session import Session

from sealring_plugin import Call, ConfigInvalid, ProviderError, Unavailable
from sealring_plugin.net import Bounded, Endpoint, HttpsClient, Request

# It sets no timeouts, no pool of connections and no proxies: HttpsClient has its own.
CONFIG = Config(
    retries={"total_max_attempts": 1},  # sealring tries again, where that may help
    ignore_configured_endpoint_urls=True,  # AWS_ENDPOINT_URL*: keys' owners and our operator say where they are
    user_agent_extra="sealring-awskms/0.1.0",
)

# Each variable of a session: its name in files, that in the environment, what it is otherwise, and its type.
_DEFAULTS = {name: (None, None, usual, kind) for name, (_, _, usual, kind) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
_NOTHING = (None, None, os.devnull, None)
_ISOLATED = {**_DEFAULTS, "config_file": _NOTHING, "credentials_file": _NOTHING}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # what a User-Agent takes as one word

_UNUSABLE = (ConfigNotFound, ConfigParseError, PartialCredentialsError, ProfileNotFound)

# What botocore raises for an answer that is none: JSON of another shape, or no JSON at all.
_UNREADABLE = (BotoCoreError, ResponseParserError, ValueError, TypeError, AttributeError, LookupError)

_CALL: ContextVar[Call] = ContextVar("sealring_awskms_call")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key: requests are signed with it."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@contextmanager
def during(call: Call) -> Iterator[None]:
    """Requests that this thread makes meanwhile are part of `call`."""
    token = _CALL.set(call)
    try:
        yield
    finally:
        _CALL.reset(token)


def asked(ask: Callable[[], T], call: Call) -> T:
    """Return what botocore returns. Raises ProviderError; ClientError for what AWS refuses."""
    try:
        with during(call):
            return ask()
    except _UNUSABLE as error:
        unreadable: ProviderError = ConfigInvalid(f"our AWS credentials cannot be used ({type(error).__name__})")
    except _UNREADABLE as error:
        unreadable = Unavailable(f"AWS gave no answer that can be read ({type(error).__name__})")
    raise unreadable  # out here, since those may quote the answer


def isolated_session(https: HttpsClient) -> Session:
    """Return a session for clients whose endpoint and credentials are given: the machine says nothing to it."""
    return _prepared(Session(session_vars=_ISOLATED), https)


def default_session(https: HttpsClient) -> Session:
    """Return a session that looks for our credentials where botocore does: environment, files, container, instance."""
    session = _prepared(Session(), https)
    session.set_default_client_config(CONFIG)
    return session


def check_settings(session: Session) -> None:
    """Make the chain that looks for credentials, which asks nobody yet. Raises ConfigInvalid."""
    try:
        session.get_component("credential_provider")
    except (BotoCoreError, ValueError) as error:
        wrong = type(error).__name__
    else:
        return
    raise ConfigInvalid(f"our AWS settings in files or the environment cannot be used ({wrong})")


class Clients:
    """The clients of KMS and STS, one for each region, endpoint and credentials. Thread-safe."""

    def __init__(self, https: HttpsClient) -> None:
        self._session = isolated_session(https)
        self._made: Bounded[tuple[str, str, Endpoint, Credentials], Any] = Bounded()

    def get(self, service: str, region: str, endpoint: Endpoint, credentials: Credentials) -> Any:
        return self._made.get(
            (service, region, endpoint, credentials),
            lambda: make_client(self._session, service, region, endpoint, credentials),
        )


def make_client(session: Session, service: str, region: str, endpoint: Endpoint, credentials: Credentials) -> Any:
    """A session is used by one thread at a time; the client that it makes, by many."""
    client = session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint.url,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        config=CONFIG,
    )
    _hush()
    return client


def _prepared(session: Session, https: HttpsClient) -> Session:
    session.register("before-send", _sender(https))
    _hush()
    return session


def _sender(https: HttpsClient) -> Callable[..., AWSResponse]:
    def send(request: AWSPreparedRequest, **_event: object) -> AWSResponse:
        call = _CALL.get()
        headers = {name: _text(value) for name, value in request.headers.items()}
        if _REQUEST_ID.fullmatch(call.request_id):  # the key's owner finds it in CloudTrail; it is not signed
            headers["User-Agent"] = f"{headers.get('User-Agent', '')} sealring-request/{call.request_id}".strip()
        body = request.body.encode() if isinstance(request.body, str) else bytes(request.body or b"")
        endpoint, path = Endpoint.split(request.url)
        answer = https.send(Request(request.method, endpoint, path, headers, body), call.deadline)
        return AWSResponse(request.url, answer.status, answer.headers, _Raw(answer.body))

    return send


class _Raw(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _NoDetails(logging.Filter):
    """At DEBUG, botocore logs bodies: data keys on their way to KMS and back, and credentials from STS."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_NO_DETAILS = _NoDetails()


def _hush() -> None:
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] == "botocore" and isinstance(logger, logging.Logger):
            logger.addFilter(_NO_DETAILS)
