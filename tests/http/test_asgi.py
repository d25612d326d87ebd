"""What a request leaves behind in a worker with an event loop: nothing."""

import asyncio
import gc
import json

import pytest
import uvloop

from revocations.commands import new_installation
from sealring import settings
from sealring.domain.ids import org_id
from sealring.http.asgi import AsgiServer
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


async def ask(app, method, path, body=None):
    raw = b"" if body is None else json.dumps(body).encode()
    headers = [(b"authorization", f"Bearer {app.token}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "raw_path": path.encode(), "query_string": b"", "headers": headers}
    sent = []

    async def receive():
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message):
        sent.append(message)

    await app({**scope, "client": ("127.0.0.1", 1)}, receive, send)
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


def test_no_request_leaves_anything_to_the_garbage_collector(app):
    """What it leaves would stay in memory for a while, its token and its value among it."""

    async def every_kind(number):
        _, made = await ask(app, "POST", "/vault/v1/kv", {"name": f"n{number}", "value": "v", "key_context": CONTEXT})
        answers = [
            await ask(app, "GET", f"/vault/v1/kv/{made['id']}"),
            await ask(app, "PUT", f"/vault/v1/kv/{made['id']}", {"value": "w"}),
            await ask(app, "GET", "/vault/v1/kv"),
            await ask(app, "DELETE", f"/vault/v1/kv/{made['id']}"),
            await ask(app, "POST", "/vault/v1/keys/data-key", {"context": CONTEXT}),
        ]
        _, pair = answers[-1]
        answers.append(await ask(app, "POST", "/vault/v1/keys/decrypt", {"keys": pair["encrypted_keys"]}))
        return [status for status, _ in answers]

    async def work():
        await every_kind(0)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            statuses = await every_kind(1)
            gc.collect()
            return statuses, [type(each).__name__ for each in gc.garbage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()

    assert uvloop.run(living(app, work)) == ([200, 201, 200, 200, 200, 200], [])
