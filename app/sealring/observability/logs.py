"""Logs: one JSON line for each event on standard output, with fields from an allow-list.

No bodies, query strings, names, tokens or values. Of an exception only its class and place, never its text.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from threading import Lock
from typing import Any, TextIO

import orjson

from sealring.observability.trail import Layer, Trail

QUIET_S = 60.0  # without a repetition, after which an alarm has ended


class Log:
    """Writes events. Thread-safe: each line is one write."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._lock = Lock()
        self._alarmed: dict[str, float] = {}  # by code: the time of the last alarm

    def notice(self, message: str) -> None:
        """Write a fixed text of ours, e.g. at start-up."""
        self._write("notice", {"message": message})

    def refusal(  # noqa: PLR0913  all that is told of a refusal
        self,
        *,
        request_id: str,
        route: str,
        status: int,
        code: str,
        reason: str = "",
        trace_id: str = "",
        provider_request_id: str = "",
    ) -> None:
        """Write that a request was answered with an error."""
        fields = {"request_id": request_id, "trace_id": trace_id, "route": route, "status": status, "code": code}
        about = {"reason": reason, "provider_request_id": provider_request_id}
        self._write("alarm" if status == 500 else "refusal", {**fields, **about})

    def access(  # noqa: PLR0913, PLR0917  the fields of the access log
        self, request_id: str, trace_id: str, route: str, status: int, seconds: float, size: int
    ) -> None:
        """Write that a request was answered; `size`: the bytes of the answer's body."""
        fields = {"request_id": request_id, "trace_id": trace_id, "route": route, "status": status}
        self._write("access", {**fields, "ms": _ms(seconds), "bytes": size})

    def slow(  # noqa: PLR0913, PLR0917  likewise
        self, request_id: str, trace_id: str, route: str, status: int, seconds: float, trail: Trail
    ) -> None:
        """Write what a slow request has waited for; the rest of its time is our own work, or a busy machine."""
        fields = {"request_id": request_id, "trace_id": trace_id, "route": route, "status": status}
        layers = {f"{layer.value}_ms": _ms(trail.seconds(layer)) for layer in Layer}
        self._write("slow", {**fields, "ms": _ms(seconds), **layers})

    def alarm(self, code: str, message: str) -> None:
        """Write a fault that only the operator can repair: once while it lasts, and again if it returns later."""
        now = time.monotonic()
        with self._lock:
            lasts = now - self._alarmed.get(code, float("-inf")) < QUIET_S
            self._alarmed[code] = now
        if not lasts:
            self._write("alarm", {"code": code, "message": message})

    def key_set(self, message: str, *, issuer: str, **about: str | Mapping[str, int]) -> None:
        """Write a change of an issuer's key set. `message` is a fixed text; `about` contains nothing of a key."""
        self._write("notice", {"message": message, "issuer": issuer, **about})

    def fault(
        self, message: str, error: BaseException, *, request_id: str = "", trace_id: str = "", route: str = ""
    ) -> None:
        """Write a defect of ours: the class of the exception, and where it was raised."""
        places = [
            f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in traceback.extract_tb(error.__traceback__)
        ]
        fields = {"message": message, "exception": type(error).__name__, "at": places[-8:]}
        self._write("fault", {**fields, "request_id": request_id, "trace_id": trace_id, "route": route})

    def _write(self, event: str, fields: dict[str, Any]) -> None:
        line = {
            "time": round(time.time(), 3),
            "event": event,
            **{key: value for key, value in fields.items() if value or value == 0},
        }
        self._stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode())
        self._stream.flush()


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
