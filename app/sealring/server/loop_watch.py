"""The watchdog of the event loop: names the code that held it up, because then every request of the worker waits.

It samples the running fiber, a hundred times a second, so that its cost does not depend on the number of requests. It
sees whatever lasts longer than `HELD_S` and the time between two looks.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, chain, islice, repeat, takewhile
from operator import methodcaller, truth
from types import FrameType

from sealring.fibers import Fibers
from sealring.observability import metrics
from sealring.observability.logs import Log

HELD_S = 0.02
LOOK_S = 0.01
FOR_SURE = 3  # a machine that is busy with something else stops any code at some time

_OURS = "sealring."
_PLACES = 100  # counted apart; the rest are counted as others
_OTHERS = "others"

_HELD = metrics.LOOP_HELD.of()


class Watchdog:
    """Counts in `held`, by place, how often the loop was held up. It logs each place once, when it is one for sure."""

    def __init__(self, fibers: Fibers, log: Log) -> None:
        """Call it in the loop's thread."""
        self.held: Counter[str] = Counter()
        self._fibers = fibers
        self._log = log
        self._loops_thread = threading.get_ident()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="loop-watch", daemon=True).start()

    def _watch(self) -> None:
        named = 0.0
        while True:
            time.sleep(LOOK_S)
            since = self._fibers.running_since
            if since not in {0.0, named} and time.monotonic() - since > HELD_S:
                frames = frames_of(self._loops_thread)
                if frames and self._fibers.running_since == since:
                    named = since
                    self._name(place_of(frames))

    def _name(self, place: str) -> None:
        if place not in self.held and len(self.held) >= _PLACES:
            place = _OTHERS
        self.held[place] += 1
        _HELD.add()
        if self.held[place] == FOR_SURE:
            self._log.notice(f"{place} held up the event loop for over {HELD_S * 1000:.0f} ms: all requests waited")


def frames_of(thread: int) -> Sequence[FrameType]:
    """Return the frames of a thread, the innermost first; none if it has ended.

    No bytecode runs here from the first frame to the last, so that the thread cannot go on meanwhile: the frames of a
    fiber that waits lead to memory that others use by now (https://github.com/python/cpython/issues/113037).
    """
    innermost = islice(map(methodcaller("get", thread), iter(sys._current_frames, None)), 1)  # noqa: SLF001  documented
    return list(takewhile(truth, accumulate(chain(innermost, repeat("f_back")), getattr)))


def place_of(frames: Sequence[FrameType]) -> str:
    """Return where our code is, or the plugin or library that it called."""
    foreign = list(takewhile(lambda each: not _module(each).startswith(_OURS), frames))
    called = [each for each in foreign if _module(each).partition(".")[0] not in sys.stdlib_module_names]
    found = called[-1] if called else frames[min(len(foreign), len(frames) - 1)]
    return f"{_module(found)}.{found.f_code.co_name} (line {found.f_lineno})"


def _module(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__", "?")
    return name
