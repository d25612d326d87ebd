"""The gateway: whatever a plugin does, the caller gets a failure of ours, and never another key."""

import threading
import time
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest

import sealring_plugin
from sealring import errors
from sealring.errors import IntegrityFailure, KeyMisconfigured, PluginFault
from sealring.providers.gateway import Gateway, Observation, Unwrapping, Wrapping, call_for
from sealring.providers.instances import ManagedSource, Source
from sealring_plugin import DATA, KEEP, CustomersKey, ManagedKey, Purpose, RootName, WrapContext, WrappedKey
from support.waiting import becomes_true

KEY = CustomersKey("broken", "key-1", 1)
MANAGED = ManagedKey("broken", "key-1", 1, b"scope", RootName(DATA, 1))
CONTEXT = WrapContext({}, b"aad")


class Broken:
    """A provider that does what it is told."""

    def __init__(self, act):
        self.act = act
        self.closed = 0

    def wrap(self, key, dek, context, call):
        return self.act()

    def unwrap(self, wrapped, key, context, call):
        return self.act()

    def close(self):
        self.closed += 1


def raising(error):
    def act():
        raise error

    return act


def gateway_to(build, *, waits=False, threads=16):
    return Gateway({}, {"broken": Source(build, waits)}, threads=threads)


@pytest.fixture(params=[False, True], ids=["direct", "waits"])
def wrapping(request):
    """Wrap with a provider that acts like this."""
    return lambda act: wrap(gateway_to(lambda: Broken(act), waits=request.param))


@pytest.fixture(params=[False, True], ids=["direct", "waits"])
def unwrapping(request):
    """Unwrap with a provider that acts like this."""
    return lambda act: unwrap(gateway_to(lambda: Broken(act), waits=request.param))


def wrap(gateway, key=KEY):
    return gateway.wrap([Wrapping(key, bytearray(32), CONTEXT)], a_call())[0]


def unwrap(gateway, key=KEY):
    return gateway.unwrap([Unwrapping(key, WrappedKey("alg", b"blob"), CONTEXT)], a_call())[0]


def a_call(within_s=3.0):
    return replace(
        call_for(tenant="org_acme", request_id="request-1", purpose=Purpose.ENCRYPT),
        deadline=time.monotonic() + within_s,
    )


MEANINGS = [
    (sealring_plugin.AccessDenied(), errors.KeyAccessDenied),
    (sealring_plugin.KeyDisabled(), errors.KeyDisabled),
    (sealring_plugin.KeyPendingDeletion(when="2026-12-01T00:00:00Z"), errors.KeyPendingDeletion),
    (sealring_plugin.KeyDestroyed(), errors.KeyDestroyed),
    (sealring_plugin.KeyNotFound(), errors.KeyNotFound),
    (sealring_plugin.WrongRegion(), errors.KeyMisconfigured),
    (sealring_plugin.Unsupported(), errors.KeyMisconfigured),
    (sealring_plugin.ConfigInvalid(), errors.KeyMisconfigured),
    (sealring_plugin.Throttled(retry_after_s=1), errors.KeyThrottled),
    (sealring_plugin.Unavailable(), errors.KeyUnavailable),
    (sealring_plugin.DeadlineExceeded(), errors.KeyDeadlineExceeded),
    (sealring_plugin.ContextMismatch(), errors.IntegrityFailure),
    (sealring_plugin.CiphertextRejected(), errors.IntegrityFailure),
    (sealring_plugin.ProviderError(), errors.PluginFault),
    (RuntimeError(), errors.PluginFault),
    (MemoryError(), errors.PluginFault),
]


@pytest.mark.parametrize(("raised", "expected"), MEANINGS)
def test_every_failure_of_wrapping_has_one_meaning(wrapping, raised, expected):
    with pytest.raises(expected) as failure:
        wrapping(raising(raised))

    assert type(failure.value) is expected


@pytest.mark.parametrize(("raised", "expected"), MEANINGS)
def test_every_failure_of_unwrapping_has_one_meaning(unwrapping, raised, expected):
    with pytest.raises(expected) as failure:
        unwrapping(raising(raised))

    assert type(failure.value) is expected


def test_a_failure_that_a_plugin_derives_keeps_its_meaning(wrapping):
    class Denied(sealring_plugin.AccessDenied):
        pass

    with pytest.raises(errors.KeyAccessDenied):
        wrapping(raising(Denied()))


def test_a_fault_tells_the_type_and_nothing_else(wrapping):
    with pytest.raises(PluginFault) as failure:
        wrapping(raising(RuntimeError("hunter2")))

    assert "RuntimeError" in str(failure.value)
    assert "hunter2" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


@pytest.mark.parametrize("made", [None, bytes(32), bytearray(31), bytearray(33), bytearray()])
def test_an_unwrapped_key_of_another_form_is_a_fault(unwrapping, made):
    with pytest.raises(PluginFault):
        unwrapping(lambda: made)


@pytest.mark.parametrize("made", [WrappedKey("alg", b""), WrappedKey("alg", bytes(8193)), WrappedKey("", b"x"), None])
def test_a_wrapped_key_of_another_form_is_a_fault(wrapping, made):
    with pytest.raises(PluginFault):
        wrapping(lambda: made)


def test_a_provider_that_is_not_loaded_is_misconfigured():
    with pytest.raises(KeyMisconfigured):
        wrap(Gateway({}, {}))


def unused():
    raise AssertionError("a provider of another kind was asked")


def test_a_managed_key_that_names_a_customers_provider_reaches_nobody():
    gateway = Gateway({}, {"broken": Source(unused)})

    with pytest.raises(KeyMisconfigured, match="'broken', which .keys. managed and managed_readable do not"):
        wrap(gateway, MANAGED)
    with pytest.raises(KeyMisconfigured, match="managed_readable"):
        unwrap(gateway, MANAGED)
    with pytest.raises(KeyMisconfigured, match="managed_readable"):
        gateway.create_key("broken", "key-1", b"scope", DATA, a_call())


def test_a_customers_key_that_names_a_managed_provider_reaches_nobody():
    gateway = Gateway({"broken": ManagedSource(unused)}, {})

    for use in (wrap, unwrap):
        with pytest.raises(KeyMisconfigured, match="No plugin is loaded"):
            use(gateway, KEY)
    for ask in (gateway.describe, gateway.validate):
        with pytest.raises(KeyMisconfigured, match="No plugin is loaded"):
            ask(KEY, a_call())
    with pytest.raises(KeyMisconfigured, match="No plugin is loaded"):
        gateway.setup_guide("broken", "us", "external-id", a_call())


@pytest.mark.parametrize("use", [wrap, unwrap])
def test_a_managed_key_that_the_settings_do_not_name_is_never_used(use):
    def check_key(key):
        raise sealring_plugin.ConfigInvalid(f"{key.key_id} is not the key of these settings")

    provider = Broken(unused)
    gateway = Gateway({"broken": ManagedSource(lambda: provider, waits=False, check_key=check_key)}, {})

    with pytest.raises(KeyMisconfigured) as refused:
        use(gateway, MANAGED)

    assert str(refused.value.__cause__) == "key-1 is not the key of these settings"


CREATED = ManagedKey("broken", "their-id", 1, b"scope", RootName(DATA, 3), b"material")


def creating(made):
    provider = Broken(None)
    provider.create_key = lambda *_: made
    gateway = Gateway({"broken": ManagedSource(lambda: provider, waits=False)}, {})
    return gateway.create_key("broken", "key-1", b"scope", DATA, a_call())


def test_a_created_key_may_have_a_name_of_the_providers_own():
    assert creating(CREATED) == CREATED


@pytest.mark.parametrize(
    "made",
    [
        None,
        KEY,
        replace(CREATED, provider="other"),
        replace(CREATED, version=2),
        replace(CREATED, scope=b"other"),
        replace(CREATED, root=RootName(KEEP, 3)),
        replace(CREATED, root=RootName(DATA, 0)),
        replace(CREATED, root=RootName(DATA, 2**32)),
        replace(CREATED, root=("data", 3)),
        replace(CREATED, key_id=7),
        replace(CREATED, material="text"),
    ],
)
def test_a_created_key_of_another_form_is_a_fault(made):
    with pytest.raises(PluginFault):
        creating(made)


def test_a_provider_is_built_once_and_only_when_used():
    built = []

    def build():
        built.append(Broken(lambda: bytearray(32)))
        return built[-1]

    gateway = gateway_to(build)
    assert built == []

    for _ in range(2):
        unwrap(gateway)

    assert len(built) == 1


def test_a_provider_that_could_not_be_built_is_tried_again():
    attempts = []

    def build():
        attempts.append(1)
        if len(attempts) == 1:
            raise sealring_plugin.ConfigInvalid
        return Broken(lambda: bytearray(32))

    gateway = gateway_to(build)
    with pytest.raises(KeyMisconfigured):
        unwrap(gateway)

    assert unwrap(gateway) == bytearray(32)


def test_closing_closes_what_was_built():
    provider = Broken(lambda: bytearray(32))
    gateway = Gateway({}, {"broken": Source(lambda: provider), "unused": Source(raising(AssertionError))})
    unwrap(gateway)

    gateway.close()

    assert provider.closed == 1


def test_a_refused_wrap_is_an_integrity_failure_with_its_reason_apart(unwrapping):
    with pytest.raises(IntegrityFailure) as failure:
        unwrapping(raising(sealring_plugin.CiphertextRejected("text of the plugin")))

    assert failure.value.reason == "wrapped key"
    assert "plugin" not in str(failure.value)


# --- providers that wait


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


def test_a_share_that_was_unwrapped_for_nothing_is_wiped():
    share = bytearray(b"s" * 32)
    provider = Broken(None)
    answers = [lambda: share, raising(sealring_plugin.KeyDisabled())]
    provider.unwrap = lambda *_: answers.pop(0)()
    gateway = gateway_to(lambda: provider)
    one = Unwrapping(KEY, WrappedKey("alg", b"blob"), CONTEXT)

    with pytest.raises(errors.KeyDisabled):
        gateway.unwrap([one, one], a_call())

    assert share == bytearray(32)
