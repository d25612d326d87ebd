"""The HTTP request for a key set: bounded in time and size, and never redirected."""

from __future__ import annotations

import time
from http.client import HTTPException, HTTPResponse
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

from sealring.auth.jwks import MAX_KEY_SET_BYTES
from sealring.errors import SettingsInvalid

TIMEOUT_S = 5.0

_REASONS = {
    gaierror: "its name is not found",
    ConnectionRefusedError: "connection refused",
    TimeoutError: "no answer in time",
    SSLError: "TLS failed",
}

_HANDLERS = (ProxyHandler, HTTPHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler, UnknownHandler)


def fetch_key_set(url: str, ca_file: Path | None = None) -> bytes:
    """Return the body, of at most 64 KiB + 1 byte (one too many, so that the reader can tell), within about 5 s.

    Certificates are verified against the system's store and those of `ca_file`; the usual proxy variables are honoured.
    Raises OSError: no connection, a status other than 2xx, redirects included, a broken answer, or too slow.
    """
    deadline = time.monotonic() + TIMEOUT_S
    try:
        with _opener(ca_file).open(Request(url), timeout=TIMEOUT_S) as response:  # noqa: S310  IssuerProfile checked the scheme
            return _body(response, deadline)
    except HTTPError as error:
        error.close()
        raise OSError(f"status {error.code}") from None
    except (HTTPException, ValueError) as error:  # ValueError: a host name that IDNA refuses
        raise OSError("a broken answer") from error


def reason_of(error: OSError | ValueError) -> str:
    """Return why there is no set, in words of ours: what a peer sent, or may have sent, is not among them."""
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
    if isinstance(cause, SSLCertVerificationError):
        return f"its certificate is refused: {cause.verify_message}"
    named = next((words for kind, words in _REASONS.items() if isinstance(cause, kind)), "")
    return named or (cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause))


def check_ca_file(path: Path) -> None:
    """Raises SettingsInvalid where it cannot be read, or holds no certificate in PEM."""
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


def _opener(ca_file: Path | None) -> OpenerDirector:
    """An opener for http and https alone: the library's default also follows redirects, and opens files and FTP."""
    opener = OpenerDirector()
    opener.addheaders = [("User-Agent", "sealring"), ("Accept", "application/json, application/jwk-set+json")]
    for handler in (*(each() for each in _HANDLERS), HTTPSHandler(context=_trusting(ca_file))):
        opener.add_handler(handler)
    return opener


def _body(response: HTTPResponse, deadline: float) -> bytes:
    body = b""
    while len(body) <= MAX_KEY_SET_BYTES and (part := response.read1(MAX_KEY_SET_BYTES + 1 - len(body))):
        body += part
        if time.monotonic() > deadline:
            raise TimeoutError("the answer came too slowly")
    return body
