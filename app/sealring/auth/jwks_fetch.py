"""The HTTP request for a key set, limited in time and size, without redirects."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from socket import gaierror
from ssl import SSLCertVerificationError, SSLContext, SSLError, create_default_context
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from sealring.auth.deadline import Deadline
from sealring.auth.jwks import MAX_KEY_SET_BYTES
from sealring.errors import SettingsInvalid

TIMEOUT_S = 5.0

_REASONS = {
    gaierror: "its name is not found",
    ConnectionRefusedError: "connection refused",
    TimeoutError: "no answer in time",
    SSLError: "TLS failed",
}

_HANDLERS = (ProxyHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler, UnknownHandler)


class _Http(HTTPHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, request: Request) -> HTTPResponse:
        return self.do_open(self._connection, request)  # type: ignore[arg-type]  # do_open passes only these arguments

    def _connection(self, host: str, *, timeout: float) -> HTTPConnection:
        return _ending(HTTPConnection(host, timeout=timeout), self._deadline)


class _Https(HTTPSHandler):
    def __init__(self, deadline: Deadline, trusting: SSLContext) -> None:
        super().__init__()
        self._deadline = deadline
        self._trusting = trusting

    def https_open(self, request: Request) -> HTTPResponse:
        return self.do_open(self._connection, request)  # type: ignore[arg-type]  # do_open passes only these arguments

    def _connection(self, host: str, *, timeout: float) -> HTTPConnection:
        return _ending(HTTPSConnection(host, timeout=timeout, context=self._trusting), self._deadline)


def fetch_key_set(url: str, ca_file: Path | None = None) -> bytes:
    """Return the body, cut at 64 KiB + 1 byte so that the reader sees if it is too long.

    The whole exchange, from the connection to the trailers, has 5 s; only the name lookup is not limited. Certificates
    are verified against the system's store and those of `ca_file`; the usual proxy variables apply. Raises OSError for
    no connection, a status other than 2xx (a redirect too), a broken answer, or a timeout.
    """
    with Deadline(TIMEOUT_S) as deadline:
        return _answer(_opener(_trusting(ca_file), deadline), url)


def _answer(opener: OpenerDirector, url: str) -> bytes:
    try:
        with opener.open(Request(url), timeout=TIMEOUT_S) as response:  # noqa: S310  IssuerProfile checked the scheme
            return _body(response)
    except HTTPError as error:
        error.close()
        raise OSError(f"status {error.code}") from None
    except (HTTPException, ValueError) as error:  # ValueError: a host name that IDNA refuses
        raise OSError("a broken answer") from error


def reason_of(error: OSError | ValueError) -> str:
    """Return the reason why there is no set, as one of our own texts: it contains nothing that a peer sent."""
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
    if isinstance(cause, SSLCertVerificationError):
        return f"its certificate is refused: {cause.verify_message}"
    named = next((words for kind, words in _REASONS.items() if isinstance(cause, kind)), "")
    return named or (cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause))


def check_ca_file(path: Path) -> None:
    """Raises SettingsInvalid if the file cannot be read, or holds no certificate in PEM."""
    try:
        _trusting(path)
    except SSLError:
        raise SettingsInvalid(f"ca_file {path} holds no certificate in PEM") from None
    except OSError as error:
        raise SettingsInvalid(f"ca_file {path} cannot be read ({error.strerror})") from error


def _trusting(ca_file: Path | None) -> SSLContext:
    """Trust the system's authorities, and those of the file. Raises OSError."""
    context = create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _ending(connection: HTTPConnection, deadline: Deadline) -> HTTPConnection:
    """Let the deadline open the socket. The library has no public way: `connect` also does TLS and the proxy's part."""
    connection._create_connection = deadline.connect  # type: ignore[attr-defined]  # noqa: SLF001
    return connection


def _opener(trusting: SSLContext, deadline: Deadline) -> OpenerDirector:
    """Return an opener only for http and https: the library's default follows redirects, and opens files and FTP."""
    opener = OpenerDirector()
    opener.addheaders = [("User-Agent", "sealring"), ("Accept", "application/json, application/jwk-set+json")]
    for handler in (*(each() for each in _HANDLERS), _Http(deadline), _Https(deadline, trusting)):
        opener.add_handler(handler)
    return opener


def _body(response: HTTPResponse) -> bytes:
    body = b""
    while len(body) <= MAX_KEY_SET_BYTES and (part := response.read1(MAX_KEY_SET_BYTES + 1 - len(body))):
        body += part
    return body
