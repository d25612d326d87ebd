"""The HTTP request for a key set."""

from __future__ import annotations

from pathlib import Path
from urllib.request import Request

from sealring.auth.exchange import authorization, exchange, trusting

TIMEOUT_S = 5.0


def fetch_key_set(url: str, ca_file: Path | None = None, token_file: Path | None = None) -> bytes:
    """Return the body, cut at 64 KiB + 1 byte, after 5 s at most.

    Certificates are verified against the system's store and those of `ca_file`. The token of `token_file` is sent, if
    there is one. Both files are read each time. Raises OSError as `exchange` does, and for files that cannot be used.
    """
    request = Request(url)  # noqa: S310  IssuerProfile checked the scheme
    if token_file is not None:
        request.add_header("Authorization", authorization(token_file))
    return exchange(request, trusting(ca_file), TIMEOUT_S)
