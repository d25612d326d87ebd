"""The front of a Connect service: each method in both forms, on the guard's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sealring.admission.fronts import Respond
from sealring.admission.guard import Guard, Terms
from sealring.admission.problems import PROBLEMS
from sealring.admission.replies import Reply
from sealring.admission.requests import Request, trace_of
from sealring.connect import compression
from sealring.connect.codes import CODES, Code
from sealring.connect.forms import Form
from sealring.connect.heads import Head, head_of
from sealring.connect.refusals import INTERNAL, Refused, body_of, by_status, failed, too_late
from sealring.domain.principal import Caller, Permission
from sealring.errors import KeyFailure, SealringError, StoreLost
from sealring.fibers import LARGE_BYTES, heavy
from sealring.observability import refusals
from sealring.observability.logs import Log

MAX_BYTES = 32 << 20  # of a message, before and after decompression: 16 MiB of plaintext are 22.4 MiB of base64
OPEN_BYTES = 64 << 10  # of one that needs no token

_WIDER = 2  # bytes more for each byte of a text that has characters beyond U+FFFF, of which each takes four
_LEAST_GZIP_BYTES = 1 << 10  # of an answer: gzip makes less more


@dataclass(frozen=True, slots=True)
class Open:
    """A method that needs no token. `call` makes the answer of the request's members."""

    name: str
    proto: Form
    json: Form
    call: Callable[[Any], Any]
    max_bytes: int = OPEN_BYTES
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Guarded:
    """A method that needs a permission."""

    name: str
    proto: Form
    json: Form
    permission: Permission
    call: Callable[[Caller, Any], Any]
    max_bytes: int = MAX_BYTES
    weight: int = 1  # how many times as long its messages take as a single text of so many bytes


class ConnectFront:
    """A Front. It catches everything: no exception, and no text of a library, ever leaves."""

    def __init__(self, service: str, methods: Sequence[Open | Guarded], guard: Guard, log: Log) -> None:
        """`service` is its full name, such as `vault.v1.VaultService`."""
        self._guard = guard
        self._log = log
        self.prefix = f"/{service.rpartition('.')[0]}."  # of all services of the package
        posts = {f"/{service}/{each.name}": each for each in methods}
        self.posts: Mapping[str, Respond] = {
            path: self._answering(each, f"POST {path}") for path, each in posts.items()
        }

    def refused(self, status: int, request_id: str) -> Reply:  # noqa: ARG002  nothing is logged of it, as of routes
        return by_status(status).reply()

    def _answering(self, method: Open | Guarded, place: str) -> Respond:
        forms = {
            "application/proto": method.proto,
            "application/json": method.json,
            "application/json;charset=utf-8": method.json,
        }

        def respond(request: Request, _values: Mapping[str, Any], request_id: str) -> Reply:
            try:
                return self._answer(method, request, head_of(request, forms), request_id)
            except Refused as refused:
                return refused.reply()
            except SealringError as error:
                return self._failed(error, place, request, request_id)
            except Exception as error:  # noqa: BLE001  the last resort: never send a stack trace
                trace_id = trace_of(request)
                self._log.fault("request failed", error, request_id=request_id, trace_id=trace_id, route=place)
                return Reply(Code.INTERNAL.status, body_of(Code.INTERNAL, INTERNAL))

        return respond

    def _answer(self, method: Open | Guarded, request: Request, head: Head, request_id: str) -> Reply:
        """Raises Refused, SealringError."""
        if head.until is not None:
            request.answer_by(head.until, too_late().reply())
        if isinstance(method, Open):
            return _done(method, request, head, request.body(method.max_bytes), method.call)
        terms = Terms(method.permission, method.max_bytes, head.until)
        return self._guard.admit(
            request,
            terms,
            request_id,
            lambda caller, raw: _done(method, request, head, raw, partial(method.call, caller)),
        )

    def _failed(self, error: SealringError, place: str, request: Request, request_id: str) -> Reply:
        refusals.count(error)
        code = CODES[type(error)]
        self._log.refusal(
            request_id=request_id,
            trace_id=trace_of(request),
            route=place,
            status=code.status,
            code=code.text,
            reason=getattr(error, "reason", "") or PROBLEMS[type(error)].code,
            provider_request_id=error.provider_request_id if isinstance(error, KeyFailure) else "",
        )
        if isinstance(error, StoreLost):
            self._log.alarm(code.text, str(error))
        return failed(error)


def _done(method: Open | Guarded, request: Request, head: Head, raw: bytes, call: Callable[[Any], Any]) -> Reply:
    """Read the message, call the method, and write its answer. Raises Refused, and what the method raises."""
    size = len(raw)
    if head.compressed and raw:
        size = compression.size_of(raw)
        if size > method.max_bytes:
            raise Refused(Code.RESOURCE_EXHAUSTED, f"The message is over {method.max_bytes} bytes. Send a smaller one.")
        request.reserve(size)
    if head.is_late:
        raise too_late()
    weight = size * method.weight
    message = compression.decompressed(raw, size) if head.compressed and raw else raw
    if size > LARGE_BYTES and heavy(partial(_is_wide, message), size):
        request.reserve(_WIDER * size)
    answer = call(heavy(partial(head.form.read, message), weight))
    if head.is_late:
        raise too_late()
    return heavy(partial(_reply, head, answer), weight)


def _is_wide(message: bytes) -> bool:
    """Whether texts of the message may take several times the memory that it takes itself."""
    return not message.isascii() or b"\\u" in message


def _reply(head: Head, answer: Any) -> Reply:
    raw = head.form.write(answer)
    if head.accepts_gzip and len(raw) >= _LEAST_GZIP_BYTES:
        compressed = compression.compressed(raw)
        return Reply(200, compressed, content_type=head.form.content_type, headers=(("Content-Encoding", "gzip"),))
    return Reply(200, raw, content_type=head.form.content_type)
