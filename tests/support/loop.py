"""Fibers on an event loop of their own, for tests."""

import asyncio
from collections.abc import Callable
from typing import Any

import uvloop

from sealring import fibers
from sealring.fibers import Fibers, Outcome

PATIENCE_S = 60


def in_fibers(*works: Callable[[], Any]) -> list[Outcome[Any]]:
    """Run each in a fiber of its own, all on one loop, and return their outcomes in order."""

    async def run() -> list[Outcome[Any]]:
        loop = asyncio.get_running_loop()
        on_loop = Fibers(loop)
        ended = [loop.create_future() for _ in works]
        for work, each in zip(works, ended, strict=True):
            on_loop.start(lambda work=work, each=each: each.set_result(Outcome.of(work)))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return [await each for each in ended]
        finally:
            on_loop.close()

    return uvloop.run(run())


def using(links: Any, *works: Callable[[], Any]) -> list[Outcome[Any]]:
    """Run works that use these links, which are closed on the loop when all have ended."""
    left = [len(works)]

    def work(each: Callable[[], Any]) -> Any:
        try:
            return each()
        finally:
            left[0] -= 1
            if not left[0]:
                links.close()

    return in_fibers(*(lambda each=each: work(each) for each in works))


def in_fiber(work: Callable[[], Any]) -> Any:
    """Run one, and return or raise what it does."""
    (outcome,) = in_fibers(work)
    return outcome.get()


def turn() -> None:
    """Let all others run once."""
    fibers.pause(0)
