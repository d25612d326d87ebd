"""The guard: what it looks at, in which order, and what it hands on."""

import io
import json

import pytest

from auth.kit import SetClock, claims, nothing_revoked, sign, verifier
from sealring.admission.guard import Guard
from sealring.admission.replies import Reply
from sealring.admission.routes import Route
from sealring.auth.scoping import Authenticator
from sealring.domain.limits import Limits
from sealring.domain.principal import Permission
from sealring.errors import NotFound
from sealring.http.bodies import Bodies
from sealring.http.dispatch import Server
from sealring.http.schemas import Nothing
from sealring.observability.logs import Log
from support.make import limiter, principal

MAX_BYTES = 1000
CREATES = {"permissions": ["vault:objects:create"], "org_id": "org_acme"}
READS = {"permissions": ["vault:objects:read"], "org_id": "org_acme"}


class Unreadable(io.RawIOBase):
    """A body that nobody may read."""

    def read(self, _size=-1):
        raise AssertionError("somebody read the body")


def told(request):
    return Reply.json(200, {"repeats": request.caller.idempotent is not None})


@pytest.fixture
def server():
    routes = [
        Route("POST", f"/{name}", Permission.OBJECTS_CREATE, told, 404, {}, body=Nothing(), repeatable=repeatable)
        for name, repeatable in (("once", False), ("again", True))
    ]
    guard = Guard(Authenticator(verifier(), nothing_revoked(), SetClock()), bytes, limiter())
    return Server(guard, Bodies(MAX_BYTES), routes, [], Log(io.StringIO()))


def post(server, path, members=None, *, body=None, **headers):
    """The answer to a request at the server's WSGI door."""
    if members is not None:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {sign(claims(**members))}"
    length = {"CONTENT_LENGTH": "10", "wsgi.input": body} if body is not None else {}
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": path, "QUERY_STRING": "", **length, **headers}
    said = []
    answer = b"".join(server.wsgi_app(environ, lambda status, _headers: said.append(status)))
    return int(said[0].split()[0]), answer


@pytest.mark.parametrize(("members", "status"), [(None, 401), (READS, 403)])
def test_nothing_of_a_body_is_read_before_its_sender_is_let_in(server, members, status):
    assert post(server, "/once", members, body=Unreadable())[0] == status


def test_a_token_without_the_permission_of_a_route_is_forbidden(server):
    assert post(server, "/once", CREATES)[0] == 200
    assert post(server, "/once", READS)[0] == 403


def test_nothing_of_a_body_is_read_beyond_a_limit():
    route = Route("POST", "/once", Permission.OBJECTS_CREATE, told, 404, {}, body=Nothing())
    limits = limiter(limits_of=lambda _environment, _org: Limits(requests_per_second=1))
    guard = Guard(Authenticator(verifier(), nothing_revoked(), SetClock()), bytes, limits)
    server = Server(guard, Bodies(MAX_BYTES), [route], [], Log(io.StringIO()))
    for _ in range(2):
        assert post(server, "/once", CREATES)[0] == 200

    status, answer = post(server, "/once", CREATES, body=Unreadable())

    assert (status, json.loads(answer)["code"]) == (429, "rate_limited")


@pytest.mark.parametrize("members", [CREATES, READS])
def test_a_request_gives_its_place_back_whatever_becomes_of_it(members):
    def fails(_request):
        raise NotFound

    route = Route("POST", "/once", Permission.OBJECTS_CREATE, fails, 404, {}, body=Nothing())
    guard = Guard(Authenticator(verifier(), nothing_revoked(), SetClock()), bytes, limiter(places=1, share=1))
    server = Server(guard, Bodies(MAX_BYTES), [route], [], Log(io.StringIO()))

    statuses = {post(server, "/once", members)[0] for _ in range(3)}

    assert statuses <= {403, 404}


def test_a_body_is_read_for_nobody_who_has_no_turn():
    """What takes work to refuse would hold up the loop without limit."""
    taken = limiter(places=1, share=1)
    taken.enter(principal()).begin()
    route = Route("POST", "/once", Permission.OBJECTS_CREATE, told, 404, {}, body=Nothing())
    guard = Guard(Authenticator(verifier(), nothing_revoked(), SetClock()), bytes, taken)
    server = Server(guard, Bodies(MAX_BYTES), [route], [], Log(io.StringIO()))

    status, answer = post(server, "/once", CREATES, body=io.BytesIO(b"{ no JSON "))

    assert (status, json.loads(answer)["code"]) == (503, "overloaded")


@pytest.mark.parametrize(("path", "repeats"), [("/once", b"false"), ("/again", b"true")])
def test_a_repetition_is_known_where_the_route_says_so(server, path, repeats):
    answer = post(server, path, CREATES, HTTP_IDEMPOTENCY_KEY="key-1")

    assert answer == (200, b'{"repeats":' + repeats + b"}")
