"""One HTTP exchange with the server of an issuer, limited in time and size, without redirects."""

from __future__ import annotations

import errno
import re
import stat
from http import HTTPStatus
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
from sealring.errors import SettingsInvalid

MAX_BODY_BYTES = 64 * 1024
MAX_TOKEN_BYTES = 16 * 1024

_TOKEN = re.compile(rb"[!-~]+")  # nothing that could end a header
_SECONDS = re.compile(r"[0-9]{1,6}")  # of Retry-After; a date counts as none

_REASONS = {
    gaierror: "its name is not found",
    ConnectionRefusedError: "connection refused",
    TimeoutError: "no answer in time",
    SSLError: "TLS failed",
}

_HANDLERS = (ProxyHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler, UnknownHandler)


class TooManyCalls(OSError):
    """Status 429: the peer wants fewer calls."""

    def __init__(self, retry_after_s: float | None) -> None:
        """`retry_after_s`: the pause that it asks for, if it does."""
        super().__init__("status 429")
        self.retry_after_s = retry_after_s


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


def exchange(request: Request, trusting: SSLContext, timeout_s: float) -> bytes:
    """Return the body, cut at 64 KiB + 1 byte so that the reader sees if it is too long.

    `timeout_s` is for the whole exchange, from the connection to the trailers; only the name lookup is not limited. The
    usual proxy variables apply. Raises OSError for no connection, a status other than 2xx (a redirect too), a broken
    answer, or a timeout; as TooManyCalls for 429.
    """
    with Deadline(timeout_s) as deadline:
        return _answer(_opener(trusting, deadline), request, timeout_s)


class Trust:
    """Certificates to trust: the system's, and those of a file, read again when it has changed. Thread-safe."""

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._held: tuple[tuple[int, int, int] | None, SSLContext] | None = None  # replaced as a whole

    def context(self) -> SSLContext:
        """Raises OSError."""
        identity = None if self._ca_file is None else identity_of(self._ca_file)
        held = self._held
        if held is None or held[0] != identity:
            self._held = held = (identity, trusting(self._ca_file))
        return held[1]


def trusting(ca_file: Path | None) -> SSLContext:
    """Trust the system's authorities, and those of the file. Raises OSError."""
    context = create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def identity_of(path: Path) -> tuple[int, int, int]:
    """Return what changes if a file is replaced, or if a link to it leads elsewhere. Raises OSError."""
    state = path.stat()
    return state.st_mtime_ns, state.st_ino, state.st_size


def authorization(token_file: Path) -> str:
    """Return the header with the token of a file, which is read each time: who wrote it may replace it.

    Raises OSError if there is no token.
    """
    try:
        token = _first_bytes(token_file).strip()
    except OSError as error:
        raise OSError(f"its token_file cannot be read ({error.strerror})") from error
    if len(token) > MAX_TOKEN_BYTES or not _TOKEN.fullmatch(token):
        raise OSError("its token_file holds no token")
    return f"Bearer {token.decode()}"


def check_files(ca_file: Path | None, token_file: Path | None) -> None:
    """Raises SettingsInvalid if a file cannot be read, or holds no certificate in PEM, or no token."""
    if ca_file is not None:
        _check_ca_file(ca_file)
    if token_file is None:
        return
    try:
        authorization(token_file)
    except OSError as error:
        raise SettingsInvalid(f"token_file {token_file}: {error}") from error


def _check_ca_file(path: Path) -> None:
    try:
        trusting(path)
    except SSLError:
        raise SettingsInvalid(f"ca_file {path} holds no certificate in PEM") from None
    except OSError as error:
        raise SettingsInvalid(f"ca_file {path} cannot be read ({error.strerror})") from error


def _first_bytes(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would block
        raise OSError(errno.EINVAL, "not a regular file")
    with path.open("rb") as file:
        return file.read(MAX_TOKEN_BYTES + 2)  # a token, and its line end


def _answer(opener: OpenerDirector, request: Request, timeout_s: float) -> bytes:
    try:
        with opener.open(request, timeout=timeout_s) as response:
            return _body(response)
    except HTTPError as error:
        error.close()
        raise _refused(error.code, error.headers.get("Retry-After", "")) from None
    except (HTTPException, ValueError) as error:  # ValueError: a host name that IDNA refuses
        raise OSError("a broken answer") from error


def _refused(status: int, retry_after: str) -> OSError:
    if status != HTTPStatus.TOO_MANY_REQUESTS:
        return OSError(f"status {status}")
    return TooManyCalls(float(retry_after) if _SECONDS.fullmatch(retry_after) else None)


def reason_of(error: OSError | ValueError) -> str:
    """Return the reason why there is no set, as one of our own texts: it contains nothing that a peer sent."""
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
    if isinstance(cause, SSLCertVerificationError):
        return f"its certificate is refused: {cause.verify_message}"
    named = next((words for kind, words in _REASONS.items() if isinstance(cause, kind)), "")
    return named or (cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause))


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
    while len(body) <= MAX_BODY_BYTES and (part := response.read1(MAX_BODY_BYTES + 1 - len(body))):
        body += part
    return body
