"""Requests to one server and their answers: JSON both ways, within a time, repeated only if that is safe."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sealring.client.access import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Access
from sealring.client.expiry import why_refused
from sealring.client.failures import AccessInvalid, InputRefused, RequestRefused, ServerUnusable
from sealring_plugin.errors import ConfigInvalid, DeadlineExceeded, ProviderError
from sealring_plugin.net import Answer, HttpsClient, Request, dial, tls_context
from sealring_plugin.net.client import ANOTHER_HOST

ATTEMPT_S = 20.0  # for an answer
COMMAND_S = 300.0  # for all requests of one command
PAUSES_S = (0.2, 1.0)  # before a request is sent again
MAX_ANSWER_BYTES = 6 * (16 << 20) + (64 << 10)  # the largest value that a server can be set to take, escaped as \u0001

MAX_SAID = 1_000  # characters of a text of the server that a person reads

_REPEATED = frozenset({429, 503})  # the server did nothing, or recognises the repetition by its key
_MAX_PAUSE_S = 10.0

Json = dict[str, Any]


class Exchange:
    """For one command. `sleep` waits between repetitions."""

    def __init__(
        self, access: Access, ca_file: Path | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Raises AccessInvalid if `ca_file` cannot be used."""
        self._access = access
        self._sleep = sleep
        self._end = time.monotonic() + COMMAND_S
        try:
            self._client = HttpsClient(dial, tls_context(ca_file), MAX_ANSWER_BYTES)
        except ConfigInvalid as error:
            raise AccessInvalid(str(error)) from None

    def ask(
        self, method: str, path: str, query: Mapping[str, str | None] | None = None, body: Json | None = None
    ) -> Json:
        """Return the object in the answer. Members of `query` that are None are left out.

        A request without an answer, and one that is answered with 429 or 503, is sent again, three times in total: a
        write with the same Idempotency-Key, so that it counts once.

        Raises ServerUnusable, RequestRefused; InputRefused for what no request can carry.
        """
        request = self._request(method, path, query or {}, body)
        for pause_s in PAUSES_S:
            answer = self._answer(request)
            if answer is not None and answer.status not in _REPEATED:
                return self._document(answer)
            self._sleep(pause_s if answer is None else _wanted_s(answer, pause_s))
        return self._document(self._sent(request))

    def _request(self, method: str, path: str, query: Mapping[str, str | None], body: Json | None) -> Request:
        headers = {
            "authorization": f"Bearer {self._access.token}",
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": "sealring-command-line",
        }
        if method != "GET":
            headers["idempotency-key"] = str(uuid.uuid4())
        try:
            given = urlencode({name: text for name, text in query.items() if text is not None}, quote_via=quote)
            encoded = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise InputRefused("an argument is not UTF-8") from None
        return Request(method, self._access.endpoint, f"{path}?{given}" if given else path, headers, encoded)

    def _document(self, answer: Answer) -> Json:
        """Return the object in an answer. Of a 401 the server says nothing to the caller, but the token may."""
        try:
            return _document(answer)
        except RequestRefused as refused:
            if refused.status != 401:
                raise
            said = (
                f"the server refuses the token: {why_refused(self._access.token, time.time())}; put a valid one "
                f"into the file of {TOKEN_FILE_VARIABLE}, or into {TOKEN_VARIABLE}"
            )
            raise RequestRefused(401, refused.code, said, refused.request_id) from None

    def _answer(self, request: Request) -> Answer | None:
        """Return the answer; None if the connection failed. A server that is slow is not asked again."""
        try:
            return self._sent(request)
        except _ConnectionFailed:
            return None

    def _sent(self, request: Request) -> Answer:
        try:
            return self._client.send(request, min(time.monotonic() + ATTEMPT_S, self._end))
        except DeadlineExceeded as error:
            raise ServerUnusable(f"{_of(request)}: {error}{_unknown(request)}") from None
        except ProviderError as error:
            said = str(error).replace("; see ca_file", "; --ca-file or SEALRING_CA_FILE names authorities to trust")
            if ANOTHER_HOST in said:  # before a request is sent, so a write is not unknown
                raise ServerUnusable(f"{_of(request)}: {_for_another_host(request)}") from None
            raise _ConnectionFailed(f"{_of(request)}: {said}{_unknown(request)}") from None


class _ConnectionFailed(ServerUnusable):
    """No connection, or no whole answer."""


def segment(text: str) -> str:
    """Return a text as one segment of a path. Raises InputRefused."""
    if text in {"", ".", ".."}:  # a proxy would take these for another path
        raise InputRefused("a name or an id cannot be empty, '.' or '..'")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise InputRefused("an argument is not UTF-8") from None


def text_of(document: Mapping[str, Any], member: str) -> str:
    """Return a member of an answer. Raises ServerUnusable if it is no text."""
    text = document.get(member)
    if not isinstance(text, str) or any("\ud800" <= each <= "\udfff" for each in text):
        raise ServerUnusable(f"the answer is not one of a sealring server: it lacks '{member}'")
    return text


def _document(answer: Answer) -> Json:
    document = dict(answer.document())
    if 200 <= answer.status < 300 and document:
        return document
    if 300 <= answer.status < 400:
        raise ServerUnusable(
            f"the server answers with a redirection ({answer.status}), which is not followed: the token is only for "
            "the host that you named; set SEALRING_URL to the address itself"
        )
    if not all(isinstance(document.get(member), str) for member in ("message", "code", "request_id")):
        raise ServerUnusable(f"what answers (status {answer.status}) is not a sealring server, or not its API")
    raise RequestRefused(answer.status, *(document[member][:MAX_SAID] for member in ("code", "message", "request_id")))


def _wanted_s(answer: Answer, pause_s: float) -> float:
    """Return the pause that the server asks for, if it is short."""
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), _MAX_PAUSE_S) if asked.isascii() and asked.isdecimal() else pause_s


def _of(request: Request) -> str:
    return f"no answer of {request.endpoint.url}"


def _for_another_host(request: Request) -> str:
    from sealring.client.certificates import names_of  # noqa: PLC0415  cryptography takes long to load

    return f"the certificate is for {names_of(request.endpoint)}, not for {request.endpoint.host}"


def _unknown(request: Request) -> str:
    return "" if request.method == "GET" else "; the change may have been made: look before you repeat the command"
