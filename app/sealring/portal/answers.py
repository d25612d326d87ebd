"""The headers of the pages, and the checks of where a request comes from."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request, Response

# Nothing but what this host serves as files, and nothing inline. A frame is refused here, and by Sec-Fetch-Dest.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# An SVG is an image in a page. Whoever opens it by itself gets a document that can do nothing.
IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"

_DOCUMENT = {None, "document", "empty"}  # empty: a page that reads itself again by script


def harden(response: Response) -> Response:
    """Add the headers that every answer of the pages has."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("Cache-Control", "no-store")
    headers["Referrer-Policy"] = "same-origin"  # with no-referrer, browsers send "Origin: null" with every form
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    return response


def is_framed(request: Request) -> bool:
    """Whether a browser says that it loads the page into something else than a tab."""
    return request.headers.get("Sec-Fetch-Dest") not in _DOCUMENT


def is_ours(request: Request, origin: str) -> bool:
    """Whether a form was sent by a page of ours, as the browser says: by Origin, or by Fetch Metadata without one."""
    site, sent = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site != "same-origin":
        return False
    return sent == origin if sent is not None else site == "same-origin"


def host_of(origin: str) -> str:
    """Return the host and the port, if it is not the usual one."""
    return urlsplit(origin).netloc
