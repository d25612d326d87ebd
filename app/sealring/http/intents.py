"""Which request is the repetition of which: by its Idempotency-Key, or by itself where the client sends none.

The request is digested here, where it arrives: no store sees a body.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sealring.domain.intent import MAX_NAME_CHARACTERS, Intent
from sealring.domain.principal import Principal
from sealring.domain.wire import lp16, lp32
from sealring.errors import MalformedRequest
from sealring.http.replies import Environ

Fingerprint = Callable[[bytes], bytes]  # a keyed digest of 16 bytes: an unkeyed one tells a short secret

_NAME = re.compile(rf"[!-~]{{1,{MAX_NAME_CHARACTERS}}}")

# They repeat writes after lost connections and some 5xx with no key: Node all of them, Python PUT and DELETE.
_REPEAT_NAMELESS = ("workos-node/", "WorkOS Python/")


def intent_of(principal: Principal, environ: Environ, body: bytes, fingerprint: Fingerprint) -> Intent | None:
    """Return what the request intends; None where its client neither names it nor is known to repeat requests.

    Raises MalformedRequest where the Idempotency-Key is not 1 to 255 visible ASCII characters.
    """
    name = environ.get("HTTP_IDEMPOTENCY_KEY")
    if name is None and not environ.get("HTTP_USER_AGENT", "").startswith(_REPEAT_NAMELESS):
        return None
    if name is not None and not _NAME.fullmatch(name):
        raise MalformedRequest(f"Idempotency-Key: send 1 to {MAX_NAME_CHARACTERS} visible ASCII characters.")
    place = lp16(environ["REQUEST_METHOD"].encode()) + environ["PATH_INFO"].encode("latin-1")
    request = lp32(place) + lp32(environ.get("QUERY_STRING", "").encode("latin-1")) + body
    return Intent(principal.environment, principal.actor, name or "", place, fingerprint(request))
