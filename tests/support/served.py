"""Some routes of the server in this process, behind a guard, and requests to them."""

import io
import json
from collections.abc import Sequence
from typing import Any

from auth.kit import SetClock, claims, nothing_revoked, sign, verifier
from sealring.admission.guard import Guard
from sealring.admission.limits import Limiter
from sealring.admission.routes import Route
from sealring.auth.scoping import Authenticator
from sealring.http.bodies import Bodies
from sealring.http.dispatch import Server
from sealring.observability.logs import Log


def served(routes: Sequence[Route], limits: Limiter, **verifying: Any) -> Server:
    guard = Guard(Authenticator(verifier(**verifying), nothing_revoked(), SetClock()), bytes, limits)
    return Server(guard, Bodies(1000), routes, [], Log(io.StringIO()))


def posted(server: Server, path: str, members: object, **claimed: Any) -> tuple[int, Any]:
    """Post members with a token of these claims; the status, and the answer."""
    body = json.dumps(members).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": f"Bearer {sign(claims(**claimed))}",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": _Body(body),
    }
    said: list[str] = []
    answer = b"".join(server.wsgi_app(environ, lambda status, _headers: said.append(status)))
    return int(said[0].split()[0]), json.loads(answer)


class _Body(io.BytesIO):
    failed = False
