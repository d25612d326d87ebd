"""A server of our connections with an application that notes what it got: run as a script, by `framing`."""

import asyncio
import base64
import json
import sys
from pathlib import Path

from uvicorn import Config, Server

from sealring.http.asgi import UNREADABLE
from sealring.server import deadlines
from sealring.server.loop_connection import Connection

deadlines.LINGER_S = 0.1


async def app(scope, receive, send):
    """Note a request that came whole; answer at once."""
    if scope["type"] == "lifespan":
        while True:
            await send({"type": (await receive())["type"] + ".complete"})
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request" or UNREADABLE in scope:
            await answer(send, 400)
            return
        body, more = body + message["body"], message["more_body"]
    note = [
        scope["method"],
        scope["raw_path"].decode(),
        scope["query_string"].decode(),
        base64.b64encode(body).decode(),
    ]
    notes.write(json.dumps(note) + "\n")
    notes.flush()
    await answer(send, 200)


async def answer(send, status):
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Sweeping(Server):
    async def on_tick(self, counter):
        for each in tuple(self.server_state.connections):
            each.sweep()
        return await super().on_tick(counter)


if __name__ == "__main__":
    notes = Path(sys.argv[2]).open("a")  # noqa: SIM115  until the process ends
    options = {"ws": "none", "loop": "uvloop", "lifespan": "on", "access_log": False, "proxy_headers": False}
    asyncio.run(Sweeping(Config(app, port=int(sys.argv[1]), http=Connection, log_level="critical", **options)).serve())
