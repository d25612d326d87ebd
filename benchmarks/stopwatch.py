"""A stopwatch for the layers of one thread: the CPU time of each, without that of the layers which it calls."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

ELSEWHERE = "rest of the application"


class Stopwatch:
    """Adds up CPU time by layer. What the stopwatch itself costs is measured beforehand, and taken off."""

    def __init__(self, cost_us: tuple[float, float] = (0.0, 0.0)) -> None:
        self.running = False
        self.spent: Counter[str] = Counter()  # ns
        self.crossings: Counter[tuple[str, str]] = Counter()  # from a layer into another
        self._stack = [ELSEWHERE]
        self._mark = 0
        self._inside_us, self._outside_us = cost_us

    def timed(self, layer: str, function: Callable[..., Any]) -> Callable[..., Any]:
        spent, stack, now = self.spent, self._stack, time.thread_time_ns

        def measured(*args: Any, **kwargs: Any) -> Any:
            if not self.running:
                return function(*args, **kwargs)
            spent[stack[-1]] += now() - self._mark
            self.crossings[stack[-1], layer] += 1
            stack.append(layer)
            self._mark = now()
            try:
                return function(*args, **kwargs)
            finally:
                spent[layer] += now() - self._mark
                stack.pop()
                self._mark = now()

        return measured

    def run(self, function: Callable[[], Any]) -> Any:
        self.running = True
        self._mark = time.thread_time_ns()
        try:
            return function()
        finally:
            self.spent[ELSEWHERE] += time.thread_time_ns() - self._mark
            self.running = False

    def forget(self) -> None:
        self.spent.clear()
        self.crossings.clear()

    def microseconds(self) -> dict[str, float]:
        """CPU time of each layer, without the stopwatch's own."""
        spent = {layer: ns / 1000 for layer, ns in self.spent.items()}
        for (outer, inner), count in self.crossings.items():
            spent[inner] -= self._inside_us * count
            spent[outer] -= self._outside_us * count
        return spent


def own_cost_us() -> tuple[float, float]:
    """What one crossing adds to the layer that is entered, and to the one that it is entered from, in µs."""
    calls = 20_000

    def nothing() -> None:
        pass

    bare = time.thread_time_ns()
    for _ in range(calls):
        nothing()
    bare = time.thread_time_ns() - bare
    inside, outside = [], []
    for _ in range(5):
        stopwatch = Stopwatch()
        measured = stopwatch.timed("inner", nothing)
        stopwatch.run(lambda measured=measured: [measured() for _ in range(calls)])
        inside.append(stopwatch.spent["inner"] / calls / 1000)
        outside.append((stopwatch.spent[ELSEWHERE] - bare) / calls / 1000)
    return min(inside), min(outside)
