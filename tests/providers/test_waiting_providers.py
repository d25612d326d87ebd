"""Calls of providers that wait: overdue at their deadline, tried once more, and never in the way of other keys."""

import threading
import time
from contextlib import suppress
from itertools import count

import pytest

import sealring_plugin
from providers.broken import CONTEXT, KEY, Broken, a_call, gateway_to, raising, wrap
from sealring import errors
from sealring.errors import PluginFault
from sealring.providers.gateway import Gateway, Observation, Unwrapping, Wrapping
from sealring.providers.instances import Source
from sealring_plugin import CustomersKey, WrappedKey
from support.waiting import becomes_true


class Scripted(Broken):
    """A provider that does one thing after the other, and counts its calls."""

    def __init__(self, *acts):
        super().__init__(None)
        self.acts = list(acts)
        self.calls = 0

    def wrap(self, key, dek, context, call):
        self.calls += 1
        return self.acts.pop(0)() if self.acts else WrappedKey("alg", b"blob")


@pytest.fixture
def never():
    """A call that returns only when the test is over."""
    over = threading.Event()
    yield lambda: over.wait(60)
    over.set()


def times(count, failure):
    return [raising(failure)] * count


def test_a_provider_that_hangs_is_overdue_at_the_deadline(never):
    gateway = gateway_to(lambda: Scripted(never), waits=True)
    began = time.monotonic()

    with pytest.raises(errors.KeyDeadlineExceeded):
        gateway.wrap([Wrapping(KEY, bytearray(32), CONTEXT)], a_call(within_s=0.2))

    assert 0.2 <= time.monotonic() - began < 1.0


def test_a_key_that_is_unwrapped_too_late_is_wiped():
    share, over = bytearray(b"s" * 32), threading.Event()
    provider = Broken(lambda: over.wait(10) and share)
    gateway = gateway_to(lambda: provider, waits=True)
    one = Unwrapping(KEY, WrappedKey("alg", b"blob"), CONTEXT)
    with pytest.raises(errors.KeyDeadlineExceeded):
        gateway.unwrap([one], a_call(within_s=0.05))

    over.set()

    assert becomes_true(lambda: share == bytearray(32))


@pytest.mark.parametrize("failure", [sealring_plugin.Throttled(), sealring_plugin.Unavailable()])
def test_what_may_succeed_soon_is_tried_once_more(failure):
    provider = Scripted(*times(1, failure))

    assert wrap(gateway_to(lambda: provider, waits=True)).blob == b"blob"
    assert provider.calls == 2


def test_nothing_is_tried_again_before_the_provider_allows_it():
    provider = Scripted(*times(2, sealring_plugin.Throttled(retry_after_s=30)))

    with pytest.raises(errors.KeyThrottled) as failure:
        wrap(gateway_to(lambda: provider, waits=True))

    assert failure.value.retry_after_s == 30
    assert provider.calls == 1


@pytest.mark.parametrize("asked", [-1, float("nan"), float("inf"), "soon"])
def test_a_time_that_is_none_is_left_out(asked):
    provider = Scripted(*times(2, sealring_plugin.Throttled(retry_after_s=asked)))

    with pytest.raises(errors.KeyThrottled) as failure:
        wrap(gateway_to(lambda: provider, waits=True))

    assert failure.value.retry_after_s is None


@pytest.mark.parametrize("failure", [sealring_plugin.Throttled(), sealring_plugin.Unavailable()])
def test_it_is_tried_no_more_than_twice(failure):
    provider = Scripted(*times(3, failure))

    with pytest.raises(errors.KeyFailure):
        wrap(gateway_to(lambda: provider, waits=True))

    assert provider.calls == 2


@pytest.mark.parametrize(
    "failure", [sealring_plugin.KeyDisabled(), sealring_plugin.CiphertextRejected(), RuntimeError()]
)
def test_what_will_not_change_is_tried_once(failure):
    provider = Scripted(*times(2, failure))

    with pytest.raises(errors.SealringError):
        wrap(gateway_to(lambda: provider, waits=True))

    assert provider.calls == 1


def test_an_owners_no_is_remembered_and_spares_the_provider():
    provider = Scripted(*times(2, sealring_plugin.KeyDisabled()))
    gateway = gateway_to(lambda: provider, waits=True)

    for _ in range(3):
        with pytest.raises(errors.KeyDisabled):
            wrap(gateway)

    assert provider.calls == 1


def test_another_key_of_the_provider_is_not_affected():
    provider = Scripted(*times(1, sealring_plugin.KeyDisabled()))
    gateway = gateway_to(lambda: provider, waits=True)
    with pytest.raises(errors.KeyDisabled):
        wrap(gateway)

    assert wrap(gateway, CustomersKey("broken", "key-2", 1)).blob == b"blob"


def test_a_full_key_leaves_other_keys_alone(never):
    provider = Scripted(*[never] * 8)
    gateway = gateway_to(lambda: provider, waits=True, threads=64)  # half of which may wait for one organization
    stuck = [threading.Thread(target=_swallow, args=(gateway,), daemon=True) for _ in range(8)]
    for each in stuck:
        each.start()
    assert becomes_true(lambda: provider.calls == 8)

    with pytest.raises(errors.KeyThrottled):
        wrap(gateway)
    assert wrap(gateway, CustomersKey("broken", "key-2", 1)).blob == b"blob"


def test_any_number_of_calls_pass_one_after_the_other():
    gateway = gateway_to(Scripted, waits=True)

    assert [wrap(gateway).blob for _ in range(20)] == [b"blob"] * 20


def _swallow(gateway):
    with suppress(errors.KeyFailure):
        wrap(gateway)


def test_several_keys_are_used_at_the_same_time():
    both = threading.Barrier(2, timeout=5)

    def meet():
        both.wait()
        return WrappedKey("alg", b"blob")

    gateway = gateway_to(lambda: Scripted(meet, meet), waits=True)
    keys = [KEY, CustomersKey("broken", "key-2", 1)]

    wrapped = gateway.wrap([Wrapping(key, bytearray(32), CONTEXT) for key in keys], a_call())

    assert len(wrapped) == 2


def test_a_provider_that_hangs_again_and_again_is_replaced(never):
    built = []

    def build():
        built.append(Scripted(*([never] * 60 if not built else [])))
        return built[-1]

    gateway = gateway_to(build, waits=True)

    numbers = count()

    def is_replaced():
        with suppress(errors.KeyDeadlineExceeded):
            key = CustomersKey("broken", f"key-{next(numbers)}", 1)
            return gateway.wrap([Wrapping(key, bytearray(32), CONTEXT)], a_call(within_s=0.05))[0].blob == b"blob"

    assert becomes_true(is_replaced)
    assert len(built) == 2


def test_a_provider_that_crashes_again_and_again_is_replaced():
    built = []

    def build():
        built.append(Scripted(*times(5 if not built else 0, RuntimeError())))
        return built[-1]

    gateway = gateway_to(build, waits=True)
    for _ in range(5):
        with pytest.raises(PluginFault):
            wrap(gateway)

    assert wrap(gateway).blob == b"blob"
    assert len(built) == 2


def test_a_call_in_a_provider_that_is_replaced_meanwhile_is_finished():
    """A client that is closed under a call would be a 500 for whoever made it."""
    began, go_on = threading.Event(), threading.Event()

    class Client(Scripted):
        def wrap(self, key, dek, context, call):
            if key == KEY:
                began.set()
                go_on.wait(10)
                if self.closed:
                    raise RuntimeError("the client is closed")
                return WrappedKey("alg", b"finished")
            raise RuntimeError

    clients, results = [], []

    def build():
        clients.append(Client())
        return clients[-1]

    gateway = gateway_to(build, waits=True)
    neighbour = threading.Thread(target=lambda: results.append(wrap(gateway).blob))
    neighbour.start()
    assert began.wait(10)
    for number in range(5):
        with pytest.raises(PluginFault):
            wrap(gateway, CustomersKey("broken", f"key-{number}", 2))
    becomes_true(lambda: clients[0].closed, within_s=0.2)

    go_on.set()
    neighbour.join()

    assert results == [b"finished"]
    assert becomes_true(lambda: clients[0].closed == 1)


def test_every_call_is_observed():
    seen = []
    provider = Scripted(*times(1, sealring_plugin.KeyDisabled()))
    gateway = Gateway({}, {"broken": Source(lambda: provider)}, seen.append)
    with pytest.raises(errors.KeyDisabled):
        wrap(gateway)
    wrap(gateway, CustomersKey("broken", "key-2", 1))

    assert [(each.provider, each.operation, each.outcome) for each in seen] == [
        ("broken", "wrap", "KeyDisabled"),
        ("broken", "wrap", "ok"),
    ]
    assert all(isinstance(each, Observation) and each.seconds >= 0 for each in seen)
