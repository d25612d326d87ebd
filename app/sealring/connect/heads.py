"""What the headers of a call say: the form of its message, its compression, and how long the client waits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sealring.admission.requests import Request
from sealring.connect.codes import Code
from sealring.connect.forms import Form
from sealring.connect.refusals import Refused

Forms = Mapping[str, Form]  # by content type, in lower case and without blanks

_MAX_TIMEOUT_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Head:
    """The checked headers of a call."""

    form: Form
    compressed: bool  # the message is, with gzip
    accepts_gzip: bool
    until: float | None  # by time.monotonic()

    @property
    def is_late(self) -> bool:
        return self.until is not None and time.monotonic() >= self.until


def head_of(request: Request, forms: Forms) -> Head:
    """Raises Refused."""
    content_type = _plain(request.header("content-type") or "")
    form = forms.get(content_type)
    if form is None:
        accepted = ", ".join(sorted({each.content_type for each in forms.values()}))
        raise Refused(Code.UNKNOWN, f"Send the message as one of: {accepted}.", 415, (("Accept-Post", accepted),))
    if request.header("connect-protocol-version") not in {None, "1"}:
        raise Refused(
            Code.INVALID_ARGUMENT, "The version of the protocol is not known. Send Connect-Protocol-Version: 1."
        )
    until = _until(request.header("connect-timeout-ms"))
    coding = request.header("content-encoding") or "identity"
    if coding not in {"gzip", "identity"}:
        raise Refused(Code.UNIMPLEMENTED, "The compression is not known. Supported are: gzip, identity.")
    return Head(form, coding == "gzip", _accepts_gzip(request.header("accept-encoding") or ""), until)


def _until(timeout_ms: str | None) -> float | None:
    if timeout_ms is None:
        return None
    if not (timeout_ms.isascii() and timeout_ms.isdigit() and len(timeout_ms) <= _MAX_TIMEOUT_DIGITS):
        raise Refused(
            Code.INVALID_ARGUMENT, f"Connect-Timeout-Ms: send a whole number of up to {_MAX_TIMEOUT_DIGITS} digits."
        )
    return time.monotonic() + int(timeout_ms) / 1000


@lru_cache(64)
def _plain(content_type: str) -> str:
    return content_type.lower().replace(" ", "")


@lru_cache(64)
def _accepts_gzip(codings: str) -> bool:
    """RFC 9110, section 12.5.3."""
    named = {name.strip().lower(): weight for name, _, weight in (each.partition(";") for each in codings.split(","))}
    return "gzip" in named and named["gzip"].replace(" ", "").removeprefix("q=") not in {"0", "0.0", "0.00", "0.000"}
