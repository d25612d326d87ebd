"""What a request leaves behind in a worker with an event loop: nothing."""

import asyncio
import gc
import json

import pytest
import uvloop

from revocations.commands import new_installation
from sealring import settings
from sealring.domain.ids import org_id
from sealring.errors import Overloaded, RequestTimeout, TooManyRequests
from sealring.http.asgi import UNREADABLE, AsgiServer, Room
from sealring.observability.logs import Log
from sealring.operator.tokens import mint_token
from sealring.server.application import make_app
from sealring.server.inheritance import Inheritance
from support.live import ALL_PERMISSIONS
from support.loop import PATIENCE_S

ORG = "org_acme"
CONTEXT = {"organization_id": ORG}


@pytest.fixture
def app(tmp_path, valkey):
    loaded = settings.load(new_installation(tmp_path, valkey, 1))
    app = AsgiServer(make_app(Inheritance.of(loaded, Log()), Log(), 16))
    app.token, app.neighbour = (
        mint_token(
            loaded,
            subject="test",
            name="test",
            organizations=[org_id(org)],
            permissions=ALL_PERMISSIONS,
            lifetime_s=600,
        )
        for org in (ORG, "org_neighbour")
    )
    return app


async def ask(app, method, path, body=None, token=None, ends=None, **scope_too):
    """`ends`: an event before which the last byte of the body does not come."""
    raw = b"" if body is None else json.dumps(body).encode()
    headers = [(b"authorization", f"Bearer {token or app.token}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "raw_path": path.encode(), "query_string": b"", "headers": headers}
    sent = []

    begun = []

    async def receive():
        if ends is None:
            return {"type": "http.request", "body": raw, "more_body": False}
        if begun:
            await ends.wait()
        begun.append(True)
        return {"type": "http.request", "body": raw[-1:] if ends.is_set() else raw[:-1], "more_body": not ends.is_set()}

    async def send(message):
        sent.append(message)

    await app({**scope, "client": ("127.0.0.1", 1), **scope_too}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def living(app, work):
    """Do `work` while the application lives."""
    over, begun = asyncio.Event(), asyncio.Event()
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        if begun.is_set():
            await over.wait()
        return next(messages)

    async def send(message):
        begun.set()

    life = asyncio.create_task(app({"type": "lifespan"}, receive, send))
    await begun.wait()
    done = await work()
    over.set()
    await life
    return done


async def served(app, number):
    """One request of each kind."""
    body = {"name": f"n{number}", "value": "v", "key_context": CONTEXT}
    _, made = await ask(app, "POST", "/vault/v1/kv", body)
    path = f"/vault/v1/kv/{made['id']}"
    _, pair = await ask(app, "POST", "/vault/v1/keys/data-key", {"context": CONTEXT})
    answers = [
        await ask(app, "GET", path),
        await ask(app, "PUT", path, {"value": "w"}),
        await ask(app, "GET", "/vault/v1/kv"),
        await ask(app, "DELETE", path),
        await ask(app, "POST", "/vault/v1/keys/decrypt", {"keys": pair["encrypted_keys"]}),
    ]
    return [status for status, _ in answers]


async def refused(app, _number):
    """One request for each kind of refusal."""
    answers = [
        await ask(app, "GET", "/vault/v1/kv", token="x.y.z"),
        await ask(app, "GET", "/vault/v1/kv", token=f"{app.token[:-9]}AAAAAAAAA"),
        await ask(app, "GET", f"/vault/v1/kv/secret_{32 * '0'}"),
        await ask(app, "POST", "/vault/v1/kv", {"name": 1}),
        await ask(
            app, "POST", "/vault/v1/kv", {"name": "n", "value": "v", "key_context": {"organization_id": "other"}}
        ),
        await ask(app, "POST", "/vault/v1/kv", {"name": 99 * "n", "value": 7_000_000 * "v", "key_context": CONTEXT}),
        await ask(app, "POST", "/vault/v1/keys/decrypt", {"keys": "AAAA"}),
        await ask(app, "POST", "/vault/v1/keys/decrypt", {"keys": "AAAA"}, **{UNREADABLE: RequestTimeout}),
    ]
    return [status for status, _ in answers]


@pytest.mark.parametrize(
    ("every_kind", "statuses"),
    [(served, [200, 201, 200, 200, 200]), (refused, [401, 401, 404, 422, 403, 413, 400, 408])],
)
def test_no_request_leaves_anything_to_the_garbage_collector(app, every_kind, statuses):
    """What it leaves would stay in memory for a while, its token and its value among it.

    A proxy of another test, in a thread of its own, may leave its connections at the same moment: then it is tried again.
    """

    async def work():
        await every_kind(app, 0)
        for number in range(1, 40):
            answered, garbage = await left(number)
            if "_SelectorSocketTransport" not in garbage:  # ours would be uvloop's
                break
        return answered, garbage

    async def left(number):
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            answered = await every_kind(app, number)
            gc.collect()
            return answered, [type(each).__name__ for each in gc.garbage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()

    assert uvloop.run(living(app, work)) == (statuses, [])


def test_bodies_of_all_requests_at_once_have_a_bound(app, monkeypatch):
    monkeypatch.setattr(app._room, "left", 1000)
    small, large = {"keys": "A" * 100}, {"keys": "A" * 2000}

    async def work():
        refused, _ = await ask(app, "POST", "/vault/v1/keys/decrypt", large)
        answers = [await ask(app, "POST", "/vault/v1/keys/decrypt", small) for _ in range(20)]
        return refused, {status for status, _ in answers}, app._room.left

    assert uvloop.run(living(app, work)) == (503, {400}, 1000)


def test_slow_bodies_of_one_organization_leave_room_for_those_of_others(app, monkeypatch):
    monkeypatch.setattr(app._room, "left", 1000)
    path, body = "/vault/v1/keys/decrypt", {"keys": "A" * 189}

    async def work():
        ends = asyncio.Event()
        slow = asyncio.as_completed([ask(app, "POST", path, body, ends=ends) for _ in range(8)], timeout=PATIENCE_S)
        refused = [await next(slow) for _ in range(6)]
        theirs = [await ask(app, "POST", path, body, app.neighbour) for _ in range(8)]
        left = app._room.left
        ends.set()
        answered = [await each for each in slow]
        return refused, theirs, left, answered, app._room.left, app._room._of

    refused, theirs, left, answered, left_then, kept = uvloop.run(living(app, work))

    assert {(status, answer["code"]) for status, answer in refused} == {(429, "too_many_requests")}
    assert [status for status, _ in theirs] == 8 * [400]
    assert left == 1000 - 2 * 200
    assert [status for status, _ in answered] == [400, 400]
    assert (left_then, kept) == (1000, {})


def test_an_owner_has_no_more_of_the_room_than_is_free():
    room = Room(100)
    room.take("a", 50)
    room.take("b", 25)
    room.take("c", 0)

    for owner, size in (("a", 1), ("b", 1), ("b", 100)):
        with pytest.raises(TooManyRequests):
            room.take(owner, size)
    with pytest.raises(Overloaded):
        room.take("c", 13)
    room.take("c", 12)
    room.give_back("a", 20)
    room.take("b", 1)

    assert room.left == 100 - 30 - 26 - 12
