"""Checks of what the headers declare: a complete JSON body without a coding, and no conditions."""

from __future__ import annotations

from sealring.admission.problems import FRAMEWORK_MESSAGES
from sealring.admission.requests import Request
from sealring.errors import MalformedRequest

# https://www.iana.org/assignments/http-parameters, "Content Coding". A message names no other text: it may be a secret.
_CODINGS = frozenset(
    {
        "aes128gcm",
        "br",
        "compress",
        "dcb",
        "dcz",
        "deflate",
        "exi",
        "gzip",
        "pack200-gzip",
        "x-compress",
        "x-gzip",
        "zstd",
    }
)


_CONDITIONS = ("If-Match", "If-None-Match", "If-Unmodified-Since")  # RFC 9110, section 13.1
_NAMES = tuple((name.lower(), name) for name in _CONDITIONS)


class UnsupportedMediaType(Exception):
    """The body is not declared as plain JSON. `accepted` is the header for the answer (RFC 9110, section 15.5.16)."""

    def __init__(self, message: str, accepted: tuple[str, str]) -> None:
        super().__init__(message)
        self.accepted = accepted


def check_declared(request: Request) -> None:
    """Raises UnsupportedMediaType for a type but JSON or a coding but identity; MalformedRequest for a partial body."""
    if (request.header("content-type") or "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(FRAMEWORK_MESSAGES[415], ("Accept", "application/json"))
    if (codings := request.header("content-encoding")) is not None:
        _check_codings(codings)
    if request.header("content-range") is not None:  # RFC 9110, 14.5: the part would be stored as the whole
        raise MalformedRequest("The body is declared as a part (Content-Range). Send it whole.", "Content-Range")


def check_unconditional(request: Request) -> None:
    """Raises MalformedRequest for a write with a condition: to ignore it could overwrite another client's update."""
    for lower, name in _NAMES:
        if request.header(lower) is not None:
            raise MalformedRequest(
                f"Conditions in headers ({name}) are not supported. Send version_check instead.", name
            )


def _check_codings(header: str) -> None:
    codings = (coding.strip(" \t").lower() for coding in header.split(","))
    for coding in codings:
        if coding not in {"", "identity"}:
            named = coding if coding in _CODINGS else "(unknown)"
            raise UnsupportedMediaType(
                f"The body has a content coding ({named}). Send it without one: only identity is accepted.",
                ("Accept-Encoding", "identity"),
            )
