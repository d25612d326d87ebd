"""Fibers: plain synchronous code that waits without holding up the event loop it runs on.

A use case on the loop runs in a greenlet, as calls do in the asyncio extension of SQLAlchemy. Only what this module
offers suspends it: `Fibers.suspend` (for a reply of the store), `Fibers.wait` (for a call in another thread), `pause`,
and `aside`, which runs blocking code in a thread. In an ordinary thread the same code blocks. Greenlets are used again,
because making one takes 40 µs, and switching to one takes 1 µs.

A fiber must not hold a lock while it is suspended, unless every other fiber takes that lock with `acquire`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from enum import Enum
from threading import Lock
from typing import Generic, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

T = TypeVar("T")

LARGE_BYTES = 64 << 10  # what JSON and ciphers do in less than 0.2 ms

_POLL_S = 0.002


class Lane(Enum):
    """Threads for one kind of blocking work, so that none waits for another kind. The value is their number."""

    STORE = "store", 8  # opening connections
    TOKENS = "tokens", 8  # signatures
    KEY_SETS = "key-sets", 16  # tokens whose keys are not there yet, one for each issuer
    LARGE = "large", 4  # bodies that take milliseconds

    def __init__(self, label: str, threads: int) -> None:
        self.label = label
        self.threads = threads


class Outcome(Generic[T]):
    """What a call returned, or what it raised."""

    __slots__ = ("_result", "failure")

    def __init__(self, result: T | None = None, failure: BaseException | None = None) -> None:
        self._result = result
        self.failure = failure

    @classmethod
    def of(cls, call: Callable[[], T]) -> Outcome[T]:
        try:
            return cls(call())
        except GreenletExit:  # nobody will resume this fiber: its loop has ended
            raise
        except BaseException as failure:  # noqa: BLE001  `get` raises it again
            return cls(failure=failure)

    def get(self) -> T:
        if self.failure is not None:
            try:
                raise self.failure
            finally:
                del self  # the failure's traceback has this frame, and would keep itself alive
        return self._result  # type: ignore[return-value] # set: the call did not fail


class MustNotWait(BaseException):
    """A fiber wants to wait although others wait for it. What it began has to be begun again, in another way.

    No handler of failures may take it for one of them.
    """


class _Fiber(greenlet):
    fibers: Fibers
    must_not_wait = False


class Fibers:
    """The fibers of one event loop. Only for the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call it in the greenlet that runs the loop."""
        self.loop = loop
        self.running_since = 0.0  # time.monotonic() at which a fiber took over the loop; 0: none has it
        self._main = getcurrent()
        self._idle: list[_Fiber] = []
        self._lanes = {lane: ThreadPoolExecutor(lane.threads, f"aside-{lane.label}") for lane in Lane}

    def start(self, work: Callable[[], None]) -> None:
        """Run `work`, which must not raise, until it ends or suspends. Call it in the loop's own greenlet."""
        if self._idle:
            fiber = self._idle.pop()
        else:
            fiber = _Fiber(self._run)
            fiber.fibers = self
            fiber.switch()  # with nothing: what a greenlet is begun with, it keeps
        self._enter(fiber, work)

    def suspend(self, begin: Callable[[Callable[[T], None]], None]) -> T:
        """Suspend the current fiber until the function that `begin` gets is called; return what it was called with.

        The loop itself has to call it, once, in a later turn: never another fiber.
        """
        fiber = _me()
        if fiber.must_not_wait:
            raise MustNotWait
        begin(lambda value: self._enter(fiber, value))
        return self._main.switch()  # type: ignore[no-any-return]

    def sleep(self, seconds: float) -> None:
        self.wait(lambda _tell: None, time.monotonic() + seconds)

    def wait(self, ask: Callable[[Callable[[], None]], None], until: float) -> bool:
        """Suspend the current fiber until the function that `ask` gets is called, in any thread, and return True.

        Return False at `until`, by time.monotonic().
        """

        def begin(resume: Callable[[bool], None]) -> None:
            def end(told: bool) -> None:  # noqa: FBT001
                if not ended:
                    ended.append(told)
                    timer.cancel()
                    resume(told)

            ended: list[bool] = []
            timer = self.loop.call_later(max(0.0, until - time.monotonic()), end, False)
            ask(lambda: self._soon(end, True))

        return self.suspend(begin)

    def aside(self, work: Callable[[], T], lane: Lane) -> T:
        """Run blocking work in a thread, while the current fiber is suspended. Raises what it raises."""

        def begin(resume: Callable[[Outcome[T]], None]) -> None:
            def run() -> None:
                self._soon(resume, Outcome.of(work))

            self._lanes[lane].submit(run)

        return self.suspend(begin).get()

    def close(self) -> None:
        """End the threads that are idle; the others end with their work."""
        for each in self._lanes.values():
            each.shutdown(wait=False, cancel_futures=True)

    def _soon(self, call: Callable[[T], None], value: T) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            self.loop.call_soon_threadsafe(call, value)

    def _run(self) -> None:
        me = _me()
        while True:
            work: Callable[[], None] = self._main.switch()
            work()
            del work  # a fiber that is idle keeps nothing of a request
            self._idle.append(me)

    def _enter(self, fiber: _Fiber, value: object) -> None:
        self.running_since = time.monotonic()
        fiber.switch(value)
        self.running_since = 0.0


class Joined(Generic[T]):
    """A call that fibers share: who asks while it is under way gets its outcome. In a thread, a plain call."""

    def __init__(self, call: Callable[[], T]) -> None:
        """`call` may suspend the fiber that begins it."""
        self._call = call
        self._joining: list[Callable[[Outcome[T]], None]] | None = None  # None: it is not under way

    def get(self) -> T:
        """Raises what the call raises."""
        fibers = current()
        if fibers is None:
            return self._call()
        will_wait()
        if self._joining is not None:
            return fibers.suspend(self._joining.append).get()
        self._joining = []
        outcome = Outcome.of(self._call)
        joined, self._joining = self._joining, None
        for resume in joined:
            fibers.loop.call_soon(resume, outcome)
        try:
            return outcome.get()
        finally:
            del outcome


class Turns:
    """So many fibers at once do something; the others wait, those first that came first."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[Callable[[], None]] = deque()

    @contextmanager
    def taken(self, wait_s: float) -> Iterator[None]:
        """Raises TimeoutError if there is no turn within `wait_s`."""
        if self._free:
            self._free -= 1
        else:
            self._wait(time.monotonic() + wait_s)
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self, until: float) -> None:
        mine: list[Callable[[], None]] = []

        def ask(tell: Callable[[], None]) -> None:
            mine.append(tell)
            self._waiting.append(tell)

        if required().wait(ask, until):
            return
        if mine[0] in self._waiting:
            self._waiting.remove(mine[0])
        else:  # it has just been told
            self._pass_on()
        raise TimeoutError

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._free += 1


def current() -> Fibers | None:
    """Return the fibers of the caller; None in an ordinary thread."""
    fiber = getcurrent()
    return fiber.fibers if type(fiber) is _Fiber else None


def must_not_wait(forbidden: bool) -> None:  # noqa: FBT001
    """Forbid the current fiber to wait, or allow it again."""
    _me().must_not_wait = forbidden


def will_wait() -> None:
    """Announce a wait before anything is begun that would be in vain. Raises MustNotWait."""
    if getattr(getcurrent(), "must_not_wait", False):
        raise MustNotWait


def required() -> Fibers:
    """Return the fibers of the caller, which is one of them."""
    return _me().fibers


def _me() -> _Fiber:
    fiber = getcurrent()
    assert isinstance(fiber, _Fiber), "only fibers call this"
    return fiber


def aside(work: Callable[[], T], lane: Lane) -> T:
    """Run blocking work without holding up the loop: in a thread, while a fiber waits. Raises what it raises."""
    fibers = current()
    return work() if fibers is None else fibers.aside(work, lane)


def heavy(work: Callable[[], T], size: int) -> T:
    """Run work whose time grows with `size` bytes: in a thread if it would hold up the loop."""
    return aside(work, Lane.LARGE) if size > LARGE_BYTES else work()


def pause(seconds: float) -> None:
    """Sleep without holding up the loop."""
    fibers = current()
    if fibers is None:
        time.sleep(seconds)
    else:
        fibers.sleep(seconds)


def acquire(lock: Lock) -> None:
    """Acquire a lock that its holder may keep while it waits."""
    fibers = current()
    if fibers is None:
        lock.acquire()
        return
    while not lock.acquire(blocking=False):
        fibers.sleep(_POLL_S)
