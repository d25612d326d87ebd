"""A credential is renewed in time, and what its issuer says instead is remembered as long as it holds."""

import math
import time

import pytest

from sealring_plugin import AccessDenied, ConfigInvalid, DeadlineExceeded, KeyPendingDeletion, Throttled, Unavailable
from sealring_plugin.net import Lease, Renewed
from support.waiting import becomes_true


def soon(seconds=20.0):
    return time.monotonic() + seconds


class Issuer:
    """A clock that stands still, and credentials that say how many there were before them."""

    def __init__(self):
        self.now = 1000.0
        self.life_s = 3600.0
        self.failure = None
        self.fetches = 0
        self.deadlines = []
        self.renewed = Renewed(self.fetch, lambda: self.now)

    def fetch(self, deadline):
        self.fetches += 1
        self.deadlines.append(deadline - time.monotonic())
        if self.failure is not None:
            raise self.failure
        return Lease(f"number {self.fetches}", self.life_s)

    def get(self):
        """Return the credential, and let what goes on in the background end."""
        try:
            return self.renewed.get(soon())
        finally:
            self.settle()

    def settle(self):
        state = self.renewed._state.get()  # noqa: SLF001
        assert becomes_true(lambda: state.flight is None or state.flight.done())


@pytest.fixture
def issuer():
    return Issuer()


def test_a_credential_is_not_shown():
    assert "secret" not in repr(Lease("secret", 3600.0))


@pytest.mark.parametrize(
    ("life_s", "age_s", "fetches"),
    [(3600, 2879, 1), (3600, 2880, 2), (3600, 3569, 2), (3600, 3570, 2), (60, 47, 1), (60, 48, 2), (60, 54, 2)],
)
def test_a_credential_is_renewed_at_four_fifths_of_its_life(issuer, life_s, age_s, fetches):
    issuer.life_s = life_s
    issuer.get()

    issuer.now += age_s
    issuer.get()

    assert issuer.fetches == fetches


@pytest.mark.parametrize(("life_s", "margin_s"), [(3600, 30), (300, 30), (60, 6), (10, 1)])
def test_a_credential_is_not_used_in_the_last_moments_of_its_life(issuer, life_s, margin_s):
    issuer.life_s = life_s
    issuer.get()
    issuer.failure = Unavailable()

    issuer.now += life_s - margin_s - 0.01
    assert issuer.get() == "number 1"
    issuer.now += 0.02
    with pytest.raises(Unavailable):
        issuer.get()


def test_no_credential_is_used_for_more_than_a_day(issuer):
    issuer.life_s = math.inf
    issuer.get()
    issuer.failure = Unavailable()

    issuer.now += 86_400 - 31
    assert issuer.get() == "number 1"
    issuer.now += 2
    with pytest.raises(Unavailable):
        issuer.get()


@pytest.mark.parametrize("life_s", [0, -1.0, math.nan, -math.inf])
def test_a_credential_that_has_ended_already_is_none(issuer, life_s):
    issuer.life_s = life_s

    with pytest.raises(Unavailable, match="has ended already; check the clock"):
        issuer.get()


@pytest.mark.parametrize("failure", [Unavailable(), Throttled(), DeadlineExceeded()])
def test_the_old_credential_serves_while_no_new_one_can_be_had(issuer, failure):
    issuer.get()
    issuer.now += 2900
    issuer.failure = failure

    assert [issuer.get() for _ in range(3)] == ["number 1"] * 3
    assert issuer.fetches == 2
    issuer.now += 9.9
    issuer.get()
    assert issuer.fetches == 2  # it is tried again after ten seconds
    issuer.now, issuer.failure = issuer.now + 0.2, None
    issuer.get()
    assert issuer.get() == "number 3"


def test_a_fault_of_the_fetch_does_not_make_every_call_fetch(issuer):
    issuer.get()
    issuer.now += 2900
    issuer.failure = RuntimeError("a fault of the plugin")

    assert [issuer.get() for _ in range(3)] == ["number 1"] * 3
    assert issuer.fetches == 2


def test_a_fault_of_the_fetch_is_the_callers_to_see(issuer):
    issuer.failure = RuntimeError("a fault of the plugin")

    with pytest.raises(RuntimeError):
        issuer.get()


@pytest.mark.parametrize("failure", [AccessDenied("no"), ConfigInvalid("no")])
def test_who_may_not_have_it_any_more_does_not_keep_it(issuer, failure):
    issuer.get()
    issuer.now += 2900
    issuer.failure = failure
    issuer.get()

    with pytest.raises(type(failure)):
        issuer.get()


def test_a_refusal_is_remembered_for_one_second(issuer):
    issuer.failure = AccessDenied("no")
    for issuer.now in (1000.0, 1000.5, 1000.99):
        with pytest.raises(AccessDenied, match=r"^no$"):
            issuer.get()
    assert issuer.fetches == 1

    issuer.now, issuer.failure = 1001.0, None

    assert issuer.get() == "number 2"


@pytest.mark.parametrize("failure", [Unavailable("away"), Throttled("slow", retry_after_s=5.0)])
def test_what_passes_by_itself_is_not_remembered(issuer, failure):
    issuer.failure = failure
    with pytest.raises(type(failure)):
        issuer.get()
    issuer.failure = None

    assert issuer.get() == "number 2"


def test_a_refusal_tells_all_that_the_first_told(issuer):
    issuer.failure = KeyPendingDeletion("soon gone", when="2030-01-01T00:00:00Z")
    raised = []
    for _ in range(3):
        with pytest.raises(KeyPendingDeletion, match=r"^soon gone$") as each:
            issuer.get()
        raised.append(each.value)

    assert [each.when for each in raised] == ["2030-01-01T00:00:00Z"] * 3
    assert len({id(each) for each in raised}) == 3  # each with a traceback of its own


def test_only_the_credential_that_was_refused_is_forgotten(issuer):
    first = issuer.get()
    issuer.renewed.forget("another")
    assert issuer.get() == "number 1"

    issuer.renewed.forget(first)
    assert issuer.get() == "number 2"
    issuer.renewed.forget(first)
    assert issuer.get() == "number 2"


def test_a_fetch_gets_three_seconds(issuer):
    issuer.get()

    assert 2 < issuer.deadlines[0] <= 3


def test_a_fetch_that_does_not_end_in_time_is_unavailable(issuer):
    issuer.failure = DeadlineExceeded("no answer in time")

    with pytest.raises(Unavailable, match="no credential came within 3 s"):
        issuer.get()


def test_a_deadline_that_has_passed_fetches_nothing(issuer):
    with pytest.raises(DeadlineExceeded):
        issuer.renewed.get(soon(-0.001))

    assert issuer.fetches == 0


class DeniedBySomebody(AccessDenied):
    """One of a plugin's own, that is made of other things than its message."""

    def __init__(self, who, why):
        super().__init__(f"{who}: {why}")
        self.who = who


def test_a_failure_of_the_plugins_own_class_is_raised_as_it_is(issuer):
    issuer.failure = DeniedBySomebody("iam", "no")

    for _ in range(2):  # fetched, and remembered
        with pytest.raises(DeniedBySomebody, match=r"^iam: no$") as refusal:
            issuer.get()
        assert refusal.value.who == "iam"


def test_a_credential_that_ends_while_it_is_fetched_is_not_given(issuer):
    fetch = issuer.fetch

    def slowly(deadline):
        lease = fetch(deadline)
        issuer.now += 1.5
        return lease

    issuer.life_s = 1.0
    renewed = Renewed(slowly, lambda: issuer.now)

    with pytest.raises(Unavailable, match="has ended already"):
        renewed.get(soon())
