"""Reading answers of HTTP/1.1 from a connection: strictly, and never more than the limits.

Stricter than `http.client`: an answer must say its length, and say it in one way, because one that was cut would
otherwise pass for a whole one; and bytes after an answer are noticed instead of dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sealring_plugin.net.messages import Answer

MAX_ANSWER_BYTES = 65_536  # unless a caller says more: the largest answer of a KMS is a token, some 10 KiB
MAX_HEAD_BYTES = 16_384  # of the status line and all headers, or of all trailers
MAX_LINE_BYTES = 1_024  # of a chunk's size with its extensions
MAX_INTERIM = 8  # answers of status 1xx before the real one

_STATUS = re.compile(rb"HTTP/1\.(?P<minor>[01]) (?P<status>[1-5][0-9]{2})(?: [\t -~\x80-\xff]*)?")
# One way to match, so that no line costs more than its length: blanks around a value are taken off afterwards.
_FIELD = re.compile(rb"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):(?P<value>[\t -~\x80-\xff]*)")
_LENGTH = re.compile(r"[0-9]{1,9}")
_CHUNK = re.compile(rb"(?P<size>[0-9A-Fa-f]{1,8})[ \t]*(?:;[\t -~\x80-\xff]*)?")
_LENGTHS = frozenset({"content-length", "transfer-encoding"})

_SWITCHING = 101
_WITHOUT_BODY = frozenset({204, 304})  # RFC 9112 section 6.3; no request of ours is a HEAD or a CONNECT


class BadAnswer(Exception):
    """What came is no answer that can be used. The message is ours, and quotes nothing of it."""


class Answers:
    """The answers on one connection. `receive` returns what has come, at least one byte, or nothing at its end."""

    def __init__(self, receive: Callable[[], bytes], max_bytes: int = MAX_ANSWER_BYTES) -> None:
        self._receive = receive
        self._max_bytes = max_bytes  # of a body
        self._come = bytearray()

    def read(self) -> tuple[Answer, bool]:
        """Return the next answer, and whether another may follow it. Raises BadAnswer, and what `receive` raises."""
        minor, status, headers = self._final_head()
        ends = minor == 0 or "close" in {each.strip().lower() for each in headers.get("connection", "").split(",")}
        if status in _WITHOUT_BODY:
            body, ends = b"", ends or _announces_a_body(status, headers)
        else:
            body = self._body(headers)
        return Answer(status, headers, body), not ends and not self._come

    # --- the head

    def _final_head(self) -> tuple[int, int, Mapping[str, str]]:
        for _ in range(MAX_INTERIM + 1):
            head = self._head()
            if head[1] == _SWITCHING:
                break
            if head[1] >= 200:
                return head
        raise BadAnswer("it has no final status")

    def _head(self) -> tuple[int, int, Mapping[str, str]]:
        first, *lines = self._until(b"\r\n\r\n", MAX_HEAD_BYTES).split(b"\r\n")
        found = _STATUS.fullmatch(first)
        if found is None:
            raise BadAnswer("it is not HTTP/1.1")
        return int(found["minor"]), int(found["status"]), _fields(lines)

    # --- the body

    def _body(self, headers: Mapping[str, str]) -> bytes:
        length, encoding = headers.get("content-length"), headers.get("transfer-encoding")
        if encoding is not None:
            if length is not None or encoding.lower() != "chunked":
                raise BadAnswer("it does not say its length in one way")
            return self._chunks()
        if length is None or not _LENGTH.fullmatch(length):
            raise BadAnswer("it does not say its length")
        return self._exactly(self._within(int(length)))

    def _chunks(self) -> bytes:
        """RFC 9112 section 7.1. Extensions and trailers are read and left out."""
        body = bytearray()
        while size := self._chunk_size():
            self._within(len(body) + size)
            body += self._exactly(size)
            if self._exactly(2) != b"\r\n":
                raise BadAnswer("a chunk is longer than it says")
        left = MAX_HEAD_BYTES
        while line := self._until(b"\r\n", left):
            _fields([line])
            left -= len(line)
        return bytes(body)

    def _chunk_size(self) -> int:
        found = _CHUNK.fullmatch(self._until(b"\r\n", MAX_LINE_BYTES))
        if found is None:
            raise BadAnswer("the size of a chunk is malformed")
        return int(found["size"], 16)

    def _within(self, size: int) -> int:
        if size > self._max_bytes:
            raise BadAnswer("it is too long")
        return size

    # --- bytes

    def _until(self, end: bytes, most: int) -> bytes:
        """Take what comes before `end`, and drop `end`."""
        looked_at = 0
        while (place := self._come.find(end, looked_at, most + len(end))) < 0:
            if len(self._come) >= most + len(end):
                raise BadAnswer("it is too long")
            looked_at = max(0, len(self._come) - len(end) + 1)
            self._fill()
        taken = self._exactly(place)
        del self._come[: len(end)]
        return taken

    def _exactly(self, size: int) -> bytes:
        while len(self._come) < size:
            self._fill()
        taken = bytes(self._come[:size])
        del self._come[:size]
        return taken

    def _fill(self) -> None:
        come = self._receive()
        if not come:
            raise BadAnswer("it was cut off")
        self._come += come


def _fields(lines: list[bytes]) -> Mapping[str, str]:
    """Return the headers. Those of the same name are one list (RFC 9110 section 5.3). Raises BadAnswer."""
    found_values: dict[str, list[str]] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise BadAnswer("a header is malformed")
        name, value = found["name"].decode("ascii").lower(), found["value"].strip(b" \t").decode("latin-1")
        if name in found_values and name in _LENGTHS:
            raise BadAnswer("it does not say its length in one way")
        found_values.setdefault(name, []).append(value)
    return {name: ", ".join(values) for name, values in found_values.items()}


def _announces_a_body(status: int, headers: Mapping[str, str]) -> bool:
    """Whether bytes may follow an answer that has no body (RFC 9112 section 6.3): they would be the next answer."""
    return "transfer-encoding" in headers or (status == 204 and headers.get("content-length", "0") != "0")
