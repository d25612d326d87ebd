"""Recognition of repeated requests, by their Idempotency-Key, or by their content if the client sends none.

The digest of a request is made here, so that no store sees a body.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sealring.admission.requests import Request
from sealring.domain.idempotency import MAX_NAME_CHARACTERS, IdempotentRequest
from sealring.domain.principal import Principal
from sealring.domain.wire import lp16, lp32
from sealring.errors import MalformedRequest

Fingerprint = Callable[[bytes], bytes]  # a keyed digest of 16 bytes: an unkeyed one would reveal a short secret

_NAME = re.compile(rf"[!-~]{{1,{MAX_NAME_CHARACTERS}}}")

# The SDKs that retry a PUT or DELETE without a key, after lost connections and some 5xx. Python 5 never does.
_REPEATS_NAMELESS = re.compile(
    r"workos-(node|go|kotlin|dotnet)/|WorkOS PHP( Laravel)?/|WorkOS; |WorkOS Python/\S+ Python SDK/(?!5\.)"
)
_REPEATED_NAMELESS = frozenset({"PUT", "DELETE"})  # a repeated create is a conflict anyway

# RetryPolicy.kt of the Kotlin SDK: the SHA-256 of method, path, query and body, so equal requests have the same key.
_DIGESTS = "workos-kotlin/"
_DIGEST = re.compile(r"retry-[0-9a-f]{64}")

# base_client.rb of the Ruby SDK adds a key to a PUT only when it retries. To a POST too, but even after each 409.
_NAMES_REPETITIONS = "WorkOS; "


def idempotent_request(
    principal: Principal, request: Request, body: bytes, fingerprint: Fingerprint
) -> IdempotentRequest | None:
    """Return the identity of the request; None if its client sends no key and is not known to repeat such requests.

    Raises MalformedRequest if the Idempotency-Key is not 1 to 255 visible ASCII characters.
    """
    method, client = request.method, request.header("user-agent") or ""
    name = _name(request.header("idempotency-key"), client)
    repeats_nameless = method in _REPEATED_NAMELESS and _REPEATS_NAMELESS.match(client) is not None
    if not name and not repeats_nameless:
        return None
    place = lp16(method.encode()) + request.path
    whole = lp32(place) + lp32(request.query.encode("latin-1")) + body
    environment, actor = principal.environment, principal.actor
    nameless = None
    if not name or (method == "PUT" and client.startswith(_NAMES_REPETITIONS)):
        nameless = IdempotentRequest(environment, actor, "", place, fingerprint(_sender(request) + whole))
    return IdempotentRequest(environment, actor, name, place, fingerprint(whole), nameless) if name else nameless


def _name(key: str | None, client: str) -> str:
    """Return the key; an empty text if there is none, or if it does not identify this request."""
    if key is None:
        return ""
    if not _NAME.fullmatch(key):
        wrong = f"Idempotency-Key: send 1 to {MAX_NAME_CHARACTERS} visible ASCII characters."
        raise MalformedRequest(wrong, "Idempotency-Key")
    return "" if client.startswith(_DIGESTS) and _DIGEST.fullmatch(key) else key


def _sender(request: Request) -> bytes:
    """Return what an SDK sends with each repetition; another process sends it only with the same token and version.

    It begins as no other fingerprinted text does: with an empty place.
    """
    headers = ((request.header(name) or "").encode("latin-1") for name in ("user-agent", "authorization"))
    return lp32(b"") + b"".join(map(lp32, headers))
