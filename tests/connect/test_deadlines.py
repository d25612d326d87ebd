"""The end of a client's patience, on an event loop: the answer leaves then, and the work goes on and counts."""

import asyncio
import time

import pytest
import uvloop

from sealring import fibers
from sealring.admission.replies import Reply
from sealring.errors import RequestTimeout
from sealring.fibers import Fibers
from sealring.http.asgi import Exchange, Room
from sealring.http.dispatch import Endpoint, Found
from support.loop import PATIENCE_S

LATE = Reply(504, b"late")
HEADERS = [(b"content-length", b"5")]


async def answered(respond, pieces=(b"hello",), room=None):
    """The status of the answer, and what `respond` did, once both are there."""
    ended, sent = asyncio.get_running_loop().create_future(), []
    left = list(pieces)
    on_loop = Fibers(asyncio.get_running_loop())

    def ending(request, values, request_id):
        try:
            return respond(request)
        finally:
            ended.set_result(None)

    async def receive():
        if not left:
            await asyncio.get_running_loop().create_future()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or len(pieces) < 1}

    async def send(message):
        sent.append((message, ended.done()))

    scope = {"method": "POST", "raw_path": b"/", "query_string": b"", "headers": HEADERS, "client": None}
    exchange = Exchange(scope, receive, 1000, room or Room(1000), on_loop)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await exchange.run(Found(Endpoint(ending), {}), send)
            await ended
            await asyncio.sleep(0)
    finally:
        on_loop.close()
    (start, had_ended), _ = sent
    return start["status"], had_ended


def test_an_answer_in_time_is_the_answer():
    def respond(request):
        request.answer_by(time.monotonic() + PATIENCE_S, LATE)
        return Reply(200, request.body())

    assert uvloop.run(answered(respond)) == (200, True)


def test_a_late_answer_is_not_waited_for_and_its_work_is_done():
    done = []

    def respond(request):
        request.answer_by(time.monotonic() + 0.02, LATE)
        request.body()
        fibers.pause(0.2)
        done.append(True)
        return Reply(200, b"")

    room = Room(1000)

    assert uvloop.run(answered(respond, room=room)) == (504, False)
    assert (done, room.left) == ([True], 1000)


def test_a_body_that_does_not_come_is_not_read_beyond_the_deadline():
    refused = []

    def respond(request):
        request.answer_by(time.monotonic() + 0.02, LATE)
        try:
            request.body()
        except RequestTimeout as timeout:
            refused.append(timeout)
            raise
        return Reply(200, b"")

    status, _ = uvloop.run(answered(lambda request: _refusing(respond, request), pieces=()))

    assert (status, len(refused)) == (504, 1)


def _refusing(respond, request):
    try:
        return respond(request)
    except RequestTimeout:
        return LATE


def test_no_body_is_read_for_a_call_that_was_answered():
    refused = []

    def respond(request):
        request.answer_by(time.monotonic(), LATE)
        fibers.pause(0.05)
        with pytest.raises(RequestTimeout):
            request.body()
        refused.append(True)
        return Reply(200, b"")

    assert uvloop.run(answered(respond)) == (504, False)
    assert refused == [True]
