"""One process taken step by step: between any two of its steps, and never by luck, somebody else acts.

A step is a send to the store or a call of a key provider: between two of them a process does nothing that others can
see. What acts does so in the thread that is being watched, before the step is taken; what it does itself on the same
services, as another thread of the same process would, is no step.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sealring.errors import SealringError
from sealring.store.connection.endpoint import Endpoint
from sealring.store.connection.links import Links
from sealring.store.connection.store_url import StoreUrl
from sealring.store.connection.topology import OneNode

MOST_STEPS = 200  # of one request, however often it begins again

_CALLS = ("wrap", "unwrap", "create_key", "describe", "validate")  # of a gateway
_COMMAND = re.compile(rb"\*\d+\r\n\$\d+\r\n([A-Z]+)\r\n")

Act = Callable[[], object]


class EndlessRequest(Exception):
    """A request began again more often than any deadline allows."""


@dataclass
class Taken:
    """What came of a request, and the steps that it took. `acted`: before which of them others acted first."""

    answer: Any = None
    failure: SealringError | None = None
    steps: list[str] = field(default_factory=list)
    acted: int | None = None

    @property
    def told_after(self) -> bool:
        """Whether the act was over before the last audit event was appended, which lets the answer out."""
        return self.acted is not None and any("XADD" in step for step in self.steps[self.acted :])

    @property
    def told_only_after(self) -> bool:
        """Whether it was over before any audit event was."""
        return self.told_after and not any("XADD" in step for step in self.steps[: self.acted])

    @property
    def story(self) -> str:
        """What happened, for a failing test to say."""
        steps = [*self.steps, "answer" if self.failure is None else type(self.failure).__name__]
        return " → ".join(f"(act) {step}" if number == self.acted else step for number, step in enumerate(steps))


class Stepper:
    """Counts the steps of what stands on its `links`, and of gateways that it is to watch. For one thread."""

    def __init__(self) -> None:
        self._hook: Callable[[int], None] | None = None
        self._taken = Taken()

    def links(self, url: str) -> Links:
        """Links whose every send is a step."""
        (endpoint,) = Endpoint.each(StoreUrl.parse(url))
        return Links(OneNode(lambda: _Connection(endpoint.connection(), self._step)))

    def watch(self, gateway: Any) -> None:
        """Let each call of a gateway be a step."""
        for name in _CALLS:
            setattr(gateway, name, self._stepped(name, getattr(gateway, name)))

    def take(self, request: Callable[[], Any], *, before: int, act: Act) -> Taken:
        """Make a request, and let `act` happen once: before the step of that number, the first being 0."""
        return self._run(request, lambda number: act() if number == before else None, {before})

    def harass(self, request: Callable[[], Any], act: Act) -> Taken:
        """Make a request, and let `act` happen before each step. Raises EndlessRequest."""
        return self._run(request, lambda _: act(), range(MOST_STEPS))

    def count(self, request: Callable[[], Any]) -> Taken:
        """Make a request of which nobody else takes notice."""
        return self._run(request, lambda _: None, ())

    def _run(self, request: Callable[[], Any], hook: Callable[[int], object], acts_at: Any) -> Taken:
        taken = self._taken = Taken()

        def before(number: int) -> None:
            if number >= MOST_STEPS:
                raise EndlessRequest(f"not over after {MOST_STEPS} steps: {taken.steps[-8:]}")
            if taken.acted is None and number in acts_at:
                taken.acted = number
            hook(number)

        with self._hooked(before):
            try:
                taken.answer = request()
            except SealringError as failure:
                taken.failure = failure
        return taken

    def _step(self, name: str) -> None:
        hook = self._hook
        if hook is None:
            return
        number = len(self._taken.steps)
        self._taken.steps.append(name)
        with self._hooked(None):
            hook(number)

    @contextmanager
    def _hooked(self, hook: Callable[[int], None] | None) -> Iterator[None]:
        before, self._hook = self._hook, hook
        try:
            yield
        finally:
            self._hook = before

    def _stepped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **named: Any) -> Any:
            self._step(name)
            return call(*args, **named)

        return stepped


def at_every_gap(stepper: Stepper, prepared: Callable[[], tuple[Callable[[], Any], Act]]) -> Iterator[Taken]:
    """Make a request over and over, the act happening one step later each time, until it is over before that.

    `prepared` makes the request and the act anew, in a state of their own.
    """
    for number in range(MOST_STEPS):
        request, act = prepared()
        taken = stepper.take(request, before=number, act=act)
        if taken.acted is None:
            assert number > 0, "a request without any step"
            return
        yield taken


def at_every_gap_before_the_event(
    stepper: Stepper, prepared: Callable[[], tuple[Callable[[], Any], Act]]
) -> Iterator[Taken]:
    """The same, but for acts that came too late for the last audit event: the answer was on its way."""
    some = False
    for taken in at_every_gap(stepper, prepared):
        if taken.told_after:
            some = True
            yield taken
    assert some, "no audit event was appended after an act"


class _Connection:
    """A connection that tells before it sends."""

    def __init__(self, connection: Any, step: Callable[[str], None]) -> None:
        self._connection = connection
        self._step = step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def send_packed_command(self, packed: Any, *, check_health: bool = True) -> None:
        self._step(" ".join(found.decode() for found in _COMMAND.findall(b"".join(packed))))
        self._connection.send_packed_command(packed, check_health=check_health)
