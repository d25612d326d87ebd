"""What a request leaves behind in a worker with an event loop: nothing."""

import asyncio
import gc
import json

import pytest
import uvloop

from revocations.commands import new_installation
from sealring import settings
from sealring.domain.ids import org_id
from sealring.errors import RequestTimeout
from sealring.http.asgi import UNREADABLE, AsgiServer
from sealring.observability.logs import Log
from sealring.operator.tokens import mint_token
from sealring.server.application import make_app
from sealring.server.inheritance import Inheritance
from support.live import ALL_PERMISSIONS

ORG = "org_acme"
CONTEXT = {"organization_id": ORG}


@pytest.fixture
def app(tmp_path, valkey):
    loaded = settings.load(new_installation(tmp_path, valkey, 1))
    app = AsgiServer(make_app(Inheritance.of(loaded, Log()), Log(), 16))
    orgs, lifetime_s = [org_id(ORG)], 600
    app.token = mint_token(
        loaded, subject="test", name="test", organizations=orgs, permissions=ALL_PERMISSIONS, lifetime_s=lifetime_s
    )
    return app


async def ask(app, method, path, body=None, token=None, **scope_too):
    raw = b"" if body is None else json.dumps(body).encode()
    headers = [(b"authorization", f"Bearer {token or app.token}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "raw_path": path.encode(), "query_string": b"", "headers": headers}
    sent = []

    async def receive():
        return {"type": "http.request", "body": raw, "more_body": False}

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
