"""What the head of a request may be, in addition to what the parser of llhttp refuses.

llhttp refuses two lengths, a length beside a coding, bare line feeds, folded lines, and control characters.
"""

from __future__ import annotations

MAX_TARGET_BYTES = 8190
MAX_FIELDS = 64
MAX_FIELD_BYTES = 8190
MAX_BYTES = 128 << 10  # of a head that does not end


class HeadRefused(Exception):
    """The request is refused, with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Head:
    """The head of one request, as it arrives. Raises HeadRefused."""

    __slots__ = ("_bytes", "_codings", "_expected", "_fields", "_hosts", "_target_bytes")

    def __init__(self) -> None:
        self._bytes = self._target_bytes = self._fields = self._hosts = 0
        self._codings: list[bytes] = []
        self._expected: list[bytes] = []

    def grow(self, count: int) -> None:
        """Count bytes that do not complete the head."""
        self._bytes += count
        if self._bytes > MAX_BYTES:
            raise HeadRefused(431)

    def target(self, piece: bytes) -> None:
        self._target_bytes += len(piece)
        if self._target_bytes > MAX_TARGET_BYTES:
            raise HeadRefused(414)
        if b"#" in piece:  # no client sends it (RFC 9112, section 3.2), and a proxy may route by what follows
            raise HeadRefused(400)

    def field(self, name: bytes, value: bytes) -> bool:
        """Take a field, by its name in lower case. Return whether it counts: X_Org is never taken for X-Org."""
        self._fields += 1
        if self._fields > MAX_FIELDS or len(name) + len(value) + 4 > MAX_FIELD_BYTES:
            raise HeadRefused(431)
        if name == b"host":
            self._hosts += 1
        elif name == b"transfer-encoding":
            self._codings.append(value.lower())
        elif name == b"expect":
            self._expected.append(value.lower())
        return b"_" not in name

    def end(self, method: bytes, version: str) -> None:
        """Check the whole. `version`: as the parser tells it; it takes a line without one for 0.9."""
        if version not in {"1.0", "1.1"}:
            raise HeadRefused(400)
        if self._codings and version != "1.1":  # RFC 9112, section 6.1
            raise HeadRefused(400)
        if self._codings not in ([], [b"chunked"]):
            raise HeadRefused(501)
        if self._hosts > 1 or (version == "1.1" and not self._hosts) or method == b"CONNECT":
            raise HeadRefused(400)
        if self._expected not in ([], [b"100-continue"]):
            raise HeadRefused(417)
