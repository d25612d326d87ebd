"""A toy KMS for trying the example: `python -m sealring_example.kms`. Its cipher is also a toy: never use it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

NONCE_BYTES = TAG_BYTES = 16
TOKEN = "token-of-the-toy"  # noqa: S105  not a secret
PORT = 8300
SILENCE = "SILENCE"


class Kms:
    """A KMS with version 1 of some keys. `failing` makes every call fail with a code, `states` the calls of one key.

    `owners` is the policy of each key: only that organization may use it, as the context says. Calls of a key with the
    state SILENCE get no response until the KMS stops.
    """

    def __init__(self, keys: tuple[str, ...] = ("first", "second"), port: int = 0) -> None:
        self._keys = {name: os.urandom(32) for name in keys}
        self.states: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self._code: str | None = None
        self._stopped = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), lambda *each: _Handler(self, *each))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def failing(self, code: str) -> Iterator[None]:
        self._code = code
        try:
            yield
        finally:
            self._code = None

    def answer(self, path: str, body: Mapping[str, Any]) -> Mapping[str, str]:
        code = self._code or (path != "/check" and self._refusal(body))
        if code:
            return {"code": code}
        if path == "/check":
            return {}
        key, bound = self._keys[body["key"]], _packed(body)
        if path == "/encrypt":
            return {"ciphertext": b64encode(_seal(key, b64decode(body["plaintext"]), bound)).decode()}
        opened = _open(key, b64decode(body["ciphertext"]), bound)
        return {"code": "INVALID_CIPHERTEXT"} if opened is None else {"plaintext": b64encode(opened).decode()}

    def _refusal(self, body: Mapping[str, Any]) -> str:
        name = body["key"]
        if name not in self._keys or body["version"] != 1:
            return "KEY_NOT_FOUND"
        if self.states.get(name) == SILENCE:
            self._stopped.wait()
        if self.owners.get(name) not in {None, body["context"].get("organization_id")}:
            return "ACCESS_DENIED"
        return self.states.get(name, "")


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, kms: Kms, *each: Any) -> None:
        self._kms = kms
        super().__init__(*each)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        known = self.headers["authorization"] == f"Bearer {TOKEN}"
        answer = self._kms.answer(self.path, body) if known else {"code": "ACCESS_DENIED"}
        text = json.dumps(answer).encode()
        with suppress(OSError):  # the client of a silent key has already closed the connection
            self.send_response(400 if "code" in answer else 200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def _packed(body: Mapping[str, Any]) -> bytes:
    parts = [text for pair in sorted(body["context"].items()) for text in pair]
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in (*parts, body["aad"]))


def _seal(key: bytes, plaintext: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + _xor(plaintext, key, nonce)
    return sealed + _tag(key, sealed, bound)


def _open(key: bytes, blob: bytes, bound: bytes) -> bytes | None:
    sealed, tag = blob[:-TAG_BYTES], blob[-TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(key, sealed, bound)):
        return None
    return _xor(sealed[NONCE_BYTES:], key, sealed[:NONCE_BYTES])


def _xor(text: bytes, key: bytes, nonce: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(text, hashlib.shake_256(key + nonce).digest(len(text)), strict=True))


def _tag(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    return hmac.digest(key, len(sealed).to_bytes(4, "big") + sealed + bound, "sha256")[:TAG_BYTES]


if __name__ == "__main__":
    Kms(port=PORT)._server.serve_forever()  # noqa: SLF001
