"""What is revoked, for how long it is kept, and how much of it there may be."""

from dataclasses import replace

import pytest

from sealring.domain import revocation
from sealring.domain.revocation import Reach, Revocation, Target
from sealring.errors import ChangeRefused
from sealring.services import revocations
from sealring.services.revocations import Revocations, Validity
from support.clock import Clock
from support.make import ENVIRONMENT, OTHER_ENVIRONMENT
from support.memory import MemoryAudit
from support.memory_revocations import MemoryRevocations
from support.revocations import begun, everything, subject, the_operator, token

NOW = 1_800_000_000
DAY = Validity(max_lifetime_s=86_400, leeway_s=10)


class StoreAt(MemoryRevocations):
    """A store whose clock shows what a test sets it to."""

    def __init__(self, clock):
        super().__init__(MemoryAudit())
        self._set_clock = clock

    def change(self, environment, decide):
        return super().change(environment, lambda found, _: decide(found, int(self._set_clock.now * 1_000_000)))

    @property
    def events(self):
        return self._audit.events


@pytest.fixture
def stores_clock():
    return Clock(NOW)


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def store(stores_clock):
    return begun(StoreAt(stores_clock), ENVIRONMENT, OTHER_ENVIRONMENT)


@pytest.fixture
def revoke(store, clock):
    """Revokes in the first environment."""
    use = Revocations(store, clock)
    return lambda target, before_s=None, validity=DAY: use.revoke(the_operator(), target, validity, before_s)


def targets(store):
    return {each.target.of for each in store.load(ENVIRONMENT)}


# --- until when


@pytest.mark.parametrize("target", [subject("billing"), everything(), token("t1")])
def test_without_a_time_it_is_what_was_issued_by_now_on_the_fastest_clock_that_is_taken(revoke, target):
    """A token of NOW + 10 is taken where the leeway is 10 s."""
    made = revoke(target)

    assert made.issued_before == NOW + 11
    assert made.made_at == NOW * 1_000_000


@pytest.mark.parametrize(("here", "there"), [(NOW + 100, NOW), (NOW, NOW + 100)])
def test_a_clock_that_lags_behind_leaves_no_token_out(revoke, clock, stores_clock, here, there):
    clock.now, stores_clock.now = here, there

    assert revoke(subject("billing")).issued_before == NOW + 111


@pytest.mark.parametrize("before_s", [1, NOW - 1, NOW, NOW + 11])
def test_a_time_that_is_given_is_the_time(revoke, before_s):
    assert revoke(everything(), before_s).issued_before == before_s


def test_a_time_in_the_future_is_refused(store, revoke):
    with pytest.raises(ChangeRefused, match="is in the future"):
        revoke(everything(), NOW + 12)

    assert list(store.load(ENVIRONMENT)) == []


def test_what_was_revoked_of_a_target_stays_revoked(store, revoke):
    revoke(subject("billing"), NOW)

    made = revoke(subject("billing"), NOW - 1_000, replace(DAY, max_lifetime_s=1))

    assert (made.issued_before, made.expires_at) == (NOW, NOW + 86_410)
    assert list(store.load(ENVIRONMENT)) == [made]


def test_a_later_time_reaches_further(store, revoke):
    revoke(subject("billing"), NOW - 1_000)
    revoke(subject("billing"), NOW)

    assert [each.issued_before for each in store.load(ENVIRONMENT)] == [NOW]


# --- how long it is kept


@pytest.mark.parametrize("target", [subject("billing"), everything(), token("t1")])
def test_it_is_kept_for_as_long_as_a_token_of_then_can_be_valid(revoke, target):
    """One that was issued a second before lives for a day, and counts for its leeway more."""
    assert revoke(target, NOW).expires_at == NOW + 86_400 + 10


def test_what_is_over_is_dropped_at_the_next_write_and_not_before(store, revoke, clock, stores_clock):
    revoke(subject("billing"), NOW)
    clock.now = stores_clock.now = NOW + 86_409

    revoke(token("t1"))
    assert targets(store) == {"billing", "t1"}
    clock.now = stores_clock.now = NOW + 86_410
    revoke(token("t2"))

    assert targets(store) == {"t1", "t2"}


@pytest.mark.parametrize("ahead", ["clock", "stores_clock"])
def test_a_clock_that_is_ahead_drops_nothing(store, revoke, request, ahead):
    revoke(subject("billing"), NOW)
    request.getfixturevalue(ahead).now = NOW + 90_000

    revoke(token("t1"))

    assert targets(store) == {"billing", "t1"}


# --- what one of a whole issuer makes superfluous


def test_one_of_a_whole_issuer_takes_the_place_of_all_that_it_implies(store, revoke):
    for each in (token("t1"), subject("billing"), token("theirs", issuer="urn:other")):
        revoke(each)

    revoke(everything())

    assert targets(store) == {"", "theirs"}


def test_one_of_a_whole_issuer_leaves_what_reaches_further(store, revoke):
    revoke(token("t1"))
    revoke(subject("billing"))

    revoke(everything(), NOW + 10)

    assert targets(store) == {"", "t1", "billing"}


def test_one_of_a_subject_takes_the_place_of_no_other(store, revoke):
    revoke(token("t1"))
    revoke(subject("alice"))
    revoke(subject("billing"))

    assert targets(store) == {"t1", "alice", "billing"}


# --- how many there may be


@pytest.fixture
def bound(monkeypatch):
    monkeypatch.setattr(revocations, "MAX_REVOCATIONS", 3)


def test_an_environment_may_have_ten_thousand():
    assert revocation.MAX_REVOCATIONS == 10_000


@pytest.mark.parametrize("another", [token("t4"), subject("billing")])
def test_beyond_the_bound_it_is_refused_with_what_to_do(store, revoke, bound, another):
    for number in range(3):
        revoke(token(f"t{number}"))

    with pytest.raises(ChangeRefused, match="--issued-before"):
        revoke(another)

    assert len(store.load(ENVIRONMENT)) == 3


def test_at_the_bound_what_is_there_can_be_revoked_again(store, revoke, bound):
    for number in range(3):
        revoke(token(f"t{number}"))

    revoke(token("t0"))

    assert len(store.load(ENVIRONMENT)) == 3


def test_at_the_bound_a_whole_issuer_can_be_revoked_and_makes_room(store, revoke, bound):
    for number in range(3):
        revoke(token(f"t{number}"))

    revoke(everything(issuer="urn:other"))
    revoke(everything())
    revoke(token("t4"))

    assert {each.target for each in store.load(ENVIRONMENT)} == {
        everything(issuer="urn:other"),
        everything(),
        token("t4"),
    }


def test_what_is_over_does_not_count(store, revoke, bound, clock, stores_clock):
    for number in range(3):
        revoke(token(f"t{number}"))
    clock.now = stores_clock.now = NOW + 100_000

    revoke(token("t4"))

    assert targets(store) == {"t4"}


# --- the list and the log


def test_a_list_shows_the_oldest_first(store, revoke, stores_clock, clock):
    for number in (2, 1, 3):
        stores_clock.now += 1
        revoke(token(f"t{number}"))

    listed = Revocations(store, clock).list(the_operator())

    assert [each.target.of for each in listed] == ["t2", "t1", "t3"]


@pytest.mark.parametrize(
    ("target", "named", "detail"),
    [
        (token("t1"), "urn:test|t1", "token"),
        (subject("billing"), "urn:test|billing", "subject before 2027-01-15T08:00:11Z"),
        (everything(), "urn:test", "issuer before 2027-01-15T08:00:11Z"),
    ],
)
def test_an_event_says_who_revoked_what(store, revoke, target, named, detail):
    revoke(target)

    event = store.events[-1]
    assert (event.action.value, event.environment, event.org) == ("vault.token.revoked", ENVIRONMENT, "")
    assert (event.origin.issuer, event.origin.subject[:4]) == ("urn:sealring:operator", "uid ")
    assert (event.origin.request_id, event.name, event.detail) == ("command-line", named, detail)


def test_a_list_that_is_begun_is_an_event_and_one_that_stays_is_none(clock, stores_clock):
    store = StoreAt(stores_clock)
    use = Revocations(store, clock)

    assert use.begin(the_operator()) is True
    assert use.begin(the_operator()) is False

    assert [(each.action.value, each.environment) for each in store.events] == [
        ("vault.token.revocations_begun", ENVIRONMENT)
    ]


def test_a_revocation_is_a_value():
    one = Revocation(Target("urn:test", Reach.TOKEN, "t1"), 1, 2, 3)

    assert one == replace(one)
    assert hash(one) == hash(replace(one))
