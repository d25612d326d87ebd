"""One organization's keys do not answer: the gateway keeps a share of the worker's threads waiting, and no more."""

import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

import sealring_plugin as api
from sealring.errors import KeyDeadlineExceeded, KeyDisabled, KeyFailure, KeyThrottled
from sealring.providers import call_threads, calls
from sealring.providers.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring.providers.instances import ManagedSource, Source
from sealring_plugin import DATA, CustomersKey, ManagedKey, Purpose, RootName, WrapContext, WrappedKey
from support.waiting import becomes_true

THREADS = 16
SHARE = 8
CONTEXT = WrapContext({}, b"aad")


class Silent:
    """A provider that takes calls for the keys of ACME and answers none; all others it answers."""

    def __init__(self):
        self.over = threading.Event()
        self.waiting = 0
        self._lock = threading.Lock()

    def wrap(self, key, dek, context, call):
        return self._answer(call, WrappedKey("alg", b"blob"))

    def unwrap(self, wrapped, key, context, call):
        return self._answer(call, bytearray(32))

    def create_key(self, key_id, version, scope, domain, call):
        return self._answer(call, ManagedKey("silent-hsm", key_id, version, scope, RootName(domain, 1)))

    def describe(self, key, call):
        return self._answer(call, api.KeyDescription(api.KeyState.ENABLED))

    def validate(self, key, call):
        return self._answer(call, ())

    def explain_setup(self, *, principal, organization_id, external_id):
        return self._answer(call_of(organization_id), api.SetupGuide((), ""))

    def close(self):
        pass

    def _answer(self, call, answer):
        if call.tenant_id == "org_acme" and call.environment_id == "env":
            with self._lock:
                self.waiting += 1
            self.over.wait(30)
        return answer


def call_of(org, environment="env", purpose=Purpose.DECRYPT, within_s=30.0):
    call = call_for(environment=environment, tenant=org, request_id="r", purpose=purpose)
    return replace(call, deadline=time.monotonic() + within_s)


def key(number=0, org="org_acme", environment="env"):
    return CustomersKey("silent", f"key-{number}", 1, f"{environment}/{org}".encode())


@pytest.fixture
def provider():
    provider = Silent()
    yield provider
    provider.over.set()


@pytest.fixture
def gateway(provider):
    """To the keys of customers, and to ours: the same provider, as far as waiting goes."""
    managed = {"silent-hsm": ManagedSource(lambda: provider)}
    return Gateway(managed, {"silent": Source(lambda: provider)}, threads=THREADS)


def wrap(gateway, call, *keys):
    return gateway.wrap([Wrapping(each, bytearray(32), CONTEXT) for each in keys or (key(),)], call)


def unwrap(gateway, call, number=0):
    wrapped = WrappedKey("alg", b"blob")
    of_caller = key(number, call.tenant_id, call.environment_id)
    return gateway.unwrap([Unwrapping(of_caller, wrapped, CONTEXT)], call)


ASKED = {
    "wrap": wrap,
    "unwrap": unwrap,
    "create_key": lambda gateway, call: gateway.create_key("silent-hsm", "key-0", b"scope", DATA, call),
    "describe": lambda gateway, call: gateway.describe(key(), call),
    "validate": lambda gateway, call: gateway.validate(key(), call),
    "setup": lambda gateway, call: gateway.setup_guide("silent", "us", "external", call),
    "a check": lambda gateway, call: unwrap(gateway, replace(call, purpose=Purpose.CHECK)),
}


class Requests:
    """Threads of a worker, each with one request; `outcomes` counts how those ended that did."""

    def __init__(self, *asks):
        self.outcomes = Counter()
        self._threads = [threading.Thread(target=self._ask, args=(ask,), daemon=True) for ask in asks]
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join(30)

    def _ask(self, ask):
        try:
            ask()
            self.outcomes["ok"] += 1
        except KeyFailure as failure:
            self.outcomes[type(failure).__name__] += 1


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_at_most_a_share_of_the_threads_waits_for_one_organization_whatever_for(gateway, provider, ask):
    requests = Requests(*[lambda: ask(gateway, call_of("org_acme"))] * THREADS)

    assert becomes_true(lambda: requests.outcomes["KeyThrottled"] == THREADS - SHARE)
    assert becomes_true(lambda: provider.waiting == SHARE)
    assert requests.outcomes.total() == THREADS - SHARE
    provider.over.set()
    requests.join()
    assert requests.outcomes == {"KeyThrottled": THREADS - SHARE, "ok": SHARE}


def test_however_many_keys_it_has(gateway, provider):
    asks = [lambda number=number: unwrap(gateway, call_of("org_acme"), number) for number in range(THREADS)]

    requests = Requests(*asks)

    assert becomes_true(lambda: requests.outcomes["KeyThrottled"] == THREADS - SHARE)
    assert becomes_true(lambda: provider.waiting == SHARE)


def test_and_for_whatever_it_asks_at_the_same_time(gateway, provider):
    requests = Requests(*[lambda ask=ask: ask(gateway, call_of("org_acme")) for ask in [*ASKED.values()] * 3])

    assert becomes_true(lambda: requests.outcomes["KeyThrottled"] == 3 * len(ASKED) - SHARE)
    assert becomes_true(lambda: provider.waiting == SHARE)


@pytest.mark.parametrize(("org", "environment"), [("org_beta", "env"), ("org_acme", "another"), ("", "env"), ("", "")])
def test_whoever_else_asks_is_answered(gateway, provider, org, environment):
    Requests(*[lambda: unwrap(gateway, call_of("org_acme"))] * THREADS)
    assert becomes_true(lambda: provider.waiting == SHARE)

    assert unwrap(gateway, call_of(org, environment)) == [bytearray(32)]


def test_a_request_is_counted_once_however_many_keys_it_needs(gateway, provider):
    """Its thread is what it takes from the others."""
    four_keys = [key(number) for number in range(4)]

    requests = Requests(*[lambda: wrap(gateway, call_of("org_acme"), *four_keys)] * THREADS)

    assert becomes_true(lambda: provider.waiting == 4 * SHARE)
    assert becomes_true(lambda: requests.outcomes["KeyThrottled"] == THREADS - SHARE)


def test_a_request_that_would_need_too_many_calls_makes_none(gateway, provider):
    sixteen_keys = [key(number) for number in range(16)]

    requests = Requests(*[lambda: wrap(gateway, call_of("org_acme"), *sixteen_keys)] * THREADS)

    assert becomes_true(lambda: requests.outcomes["KeyThrottled"] == THREADS - 4)
    assert becomes_true(lambda: provider.waiting == 4 * 16)
    assert unwrap(gateway, call_of("org_beta")) == [bytearray(32)]


def test_calls_that_do_not_return_keep_no_thread_from_the_others(gateway, provider):
    """Nobody waits for them any more, and they still run: more than a share of them is not begun."""
    outcomes = Counter()
    for number in range(100):
        try:
            unwrap(gateway, call_of("org_acme", within_s=0.01), number)
        except KeyFailure as failure:
            outcomes[type(failure)] += 1

    assert outcomes == {KeyDeadlineExceeded: 64, KeyThrottled: 36}
    assert unwrap(gateway, call_of("org_beta")) == [bytearray(32)]


def test_one_place_is_enough_for_several_questions(gateway, provider):
    """A verification is refused at once, or not at all: never between two of its questions."""
    with gateway.place("env", "org_beta", ["silent"]):
        Requests(*[lambda: unwrap(gateway, call_of("org_acme"))] * THREADS)
        assert becomes_true(lambda: provider.waiting == 7)

        for _ in range(3):
            assert unwrap(gateway, call_of("org_beta")) == [bytearray(32)]


@pytest.mark.parametrize("name", ["silent", "silent-hsm"])
def test_no_place_is_left_for_several_questions_of_an_organization_that_has_its_share(gateway, provider, name):
    Requests(*[lambda: unwrap(gateway, call_of("org_acme"))] * THREADS)
    assert becomes_true(lambda: provider.waiting == SHARE)

    with pytest.raises(KeyThrottled), gateway.place("env", "org_acme", ["nokms", name]):
        pass


def test_no_place_is_needed_where_nothing_waits():
    gateway = Gateway({}, {"quick": Source(Silent, waits=False)}, threads=2)

    with gateway.place("env", "org_beta", ["quick"]):
        requests = Requests(lambda: gateway.place("env", "org_beta", ["quick"]).__enter__())
        requests.join()

    assert requests.outcomes == {"ok": 1}


# --- what was taken comes back


class Refusing:
    def wrap(self, key, dek, context, call):
        if key.key_id == "key-0":
            raise api.KeyDisabled
        return WrappedKey("alg", b"blob")

    def close(self):
        pass


def test_what_an_open_circuit_refuses_is_not_counted():
    gateway = Gateway({}, {"silent": Source(Refusing)}, threads=2)
    for _ in range(200):
        with pytest.raises(KeyDisabled):
            wrap(gateway, call_of("org_acme"), key(0))

    assert wrap(gateway, call_of("org_acme"), key(1))[0].blob == b"blob"


def test_what_never_began_is_not_counted(monkeypatch):
    """The system has no thread left for a call."""
    gateway = Gateway({}, {"silent": Source(Refusing)}, threads=2)

    class Exhausted(threading.Thread):
        def start(self):
            raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(call_threads, "Thread", Exhausted)
        for _ in range(200):
            with pytest.raises(KeyThrottled):
                wrap(gateway, call_of("org_acme"), key(1))

    assert wrap(gateway, call_of("org_acme"), key(1))[0].blob == b"blob"


def test_nothing_is_tried_again_after_the_deadline():
    attempts = []

    def attempt(_deadline):
        attempts.append(1)
        raise KeyThrottled("slow down")

    with pytest.raises(KeyThrottled):
        calls._at_most_twice(attempt, time.monotonic())

    assert attempts == [1]
