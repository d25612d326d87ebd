"""The watchdog of the event loop: who holds it up is named, once, and counted."""

import asyncio
import io
import sys
import threading
import time
import types
from itertools import islice

import pytest

from sealring.fibers import Fibers
from sealring.observability.logs import Log
from sealring.server.loop_watch import HELD_S, Watchdog, frames_of, place_of
from sealring_local.wrap import LocalProvider
from support.make import ACME, caller, context, on_provider, services
from support.roots import roots_of
from support.stores import memory

ME = caller(ACME)


class Blocking(LocalProvider):
    """A provider that says that it never waits, and does."""

    def unwrap(self, *args):
        time.sleep(5 * HELD_S)
        return super().unwrap(*args)


def watched(*works):
    """Run each in a fiber under a watchdog; return what it counted, and what it logged."""
    stream = io.StringIO()

    async def run():
        fibers = Fibers(asyncio.get_running_loop())
        watchdog = Watchdog(fibers, Log(stream))
        watchdog.start()
        for work in works:
            fibers.start(work)
        fibers.close()
        return watchdog

    watchdog = asyncio.run(run())
    return watchdog.held, stream.getvalue()


def test_a_plugin_that_blocks_is_named_once_and_counted():
    use = services(memory(), provider_gateway=on_provider(Blocking(roots_of(bytes(32)))))
    made = use.objects.create(ME, name="name", value="v", context=context())

    held, log = watched(*[lambda: use.objects.read(ME, str(made.id))] * 3)

    ((place, times),) = held.items()
    assert place.startswith(f"{Blocking.__module__}.unwrap (line ")
    assert times == 3
    assert log.count(place) == log.count("\n") == 1
    assert "held up the event loop for over 20 ms" in log


def test_what_a_busy_machine_stops_now_and_then_is_counted_and_not_named():
    held, log = watched(*[lambda: time.sleep(2 * HELD_S)] * 2)

    assert (sum(held.values()), log) == (2, "")


def frames_of_caller():
    """Without those of the search itself."""
    return frames_of(threading.get_ident())[2:]


def test_the_frames_of_a_thread_are_those_of_one_moment():
    """A generator leads to its caller only while it runs: frames that are looked up one by one end too early."""

    def nested(depth):
        while True:
            yield from range(20) if depth == 0 else islice(nested(depth - 1), 20)

    def run():
        running = nested(30)
        while not over.is_set():
            next(running)

    over, thread, interval = threading.Event(), threading.Thread(target=run), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        seen = [frames_of(thread.ident) for _ in range(20_000)]
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(interval)

    within = [frames for frames in seen if frames and frames[0].f_code.co_name == "nested"]
    assert {frames[-1].f_code.co_name for frames in within} == {"_bootstrap"}
    assert len(within) > 100


def test_the_frames_of_a_thread_that_has_ended_are_none():
    thread = threading.Thread(target=str)
    thread.start()
    thread.join()

    assert frames_of(thread.ident) == []


def test_code_of_a_library_is_named_by_what_was_called():
    """Not by the innermost frame, which is of the standard library or of something that nobody knows."""
    plugin = types.ModuleType("somebodys_plugin.kms")
    inner = types.ModuleType("somebodys_library")
    ours = types.ModuleType("sealring.providers.calls")
    inner.__dict__["frames"] = frames_of_caller
    exec("def look():\n    return frames()", inner.__dict__)
    plugin.__dict__["look"] = inner.look
    exec("def wrap():\n    return look()", plugin.__dict__)
    ours.__dict__["wrap"] = plugin.wrap
    exec("def attempt():\n    return wrap()", ours.__dict__)
    for module, name in (
        (plugin, "somebodys_plugin.kms"),
        (inner, "somebodys_library"),
        (ours, "sealring.providers.calls"),
    ):
        module.__dict__["__name__"] = name

    assert place_of(ours.attempt()) == "somebodys_plugin.kms.wrap (line 2)"


def test_our_own_code_is_named_if_it_calls_nobody():
    ours = types.ModuleType("sealring.services.objects")
    ours.__dict__["frames"] = frames_of_caller
    exec("def read():\n    return frames()", ours.__dict__)

    assert place_of(ours.read()) == "sealring.services.objects.read (line 2)"


@pytest.mark.parametrize("seconds", [HELD_S / 4])
def test_what_ends_in_time_is_not_named(seconds):
    held, log = watched(*[lambda: time.sleep(seconds)] * 20)

    assert (held, log) == ({}, "")
