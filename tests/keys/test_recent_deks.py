"""The cache of keyrings' keys: no two keyrings share a place, and nothing comes back after a restore."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sealring.domain.decision import Epoch
from sealring.domain.keyring_codec import WrappedDek
from sealring.domain.keyrings import DekId, Keyring, OwnedKeyring
from sealring.errors import IntegrityFailure
from sealring.keys.keyring_deks import KeyringDeks
from sealring.keys.recent_deks import KnownDek, RecentDeks, newest_of, place_of
from support.clock import Clock
from support.make import ENVIRONMENT

NOW, LATER = Epoch(b"now"), Epoch(b"later")
DEK = KnownDek(DekId("dek_a"), 1, b"record", b"", (), None)
PLACE = newest_of(OwnedKeyring(ENVIRONMENT, Keyring("ring")))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recent(clock):
    return RecentDeks(size=2, fresh_s=10, stale_s=20, clock=clock)


def test_a_key_is_fresh_then_stale_then_gone(recent, clock):
    recent.put(PLACE, DEK, NOW, recent.generation)

    for now, expected in ((9, (DEK, False)), (1, (DEK, True)), (9, (DEK, True)), (1, None)):
        clock.now += now
        assert recent.get(PLACE, NOW) == expected


def test_a_key_of_another_epoch_is_not_there(recent):
    recent.put(PLACE, DEK, NOW, recent.generation)

    assert recent.get(PLACE, LATER) is None
    assert recent.get(PLACE, NOW) is None  # nor if somebody sets the epoch back


def test_a_key_that_was_read_before_the_cache_was_cleared_is_not_kept(recent):
    generation = recent.generation
    recent.clear()

    recent.put(PLACE, DEK, NOW, generation)

    assert recent.get(PLACE, NOW) is None


def test_a_key_that_was_read_again_is_fresh_unless_another_took_its_place(recent, clock):
    other = KnownDek(DekId("dek_b"), 1, b"record", b"", (), None)
    recent.put(PLACE, DEK, NOW, recent.generation)
    clock.now += 15
    recent.confirm(PLACE, other)
    assert recent.get(PLACE, NOW) == (DEK, True)

    recent.confirm(PLACE, DEK)

    assert recent.get(PLACE, NOW) == (DEK, False)


def test_the_key_that_was_not_used_for_longest_is_dropped(recent):
    places = [("e", name, "dek") for name in "abc"]
    for each in places:
        recent.get(places[0], NOW)
        recent.put(each, DEK, NOW, recent.generation)

    assert [recent.get(each, NOW) is not None for each in places] == [True, False, True]


def test_an_owner_of_many_keys_drives_out_its_own(clock):
    recent = RecentDeks(size=10, fresh_s=10, stale_s=20, clock=clock)
    quiet = [("e", "org_quiet", "dek"), ("e", "org_quiet/ring", "dek")]
    for each in (*quiet, *(("e", f"org_greedy/{number}", "dek") for number in range(100))):
        recent.put(each, DEK, NOW, recent.generation)

    assert [recent.get(each, NOW) is not None for each in quiet] == [True, True]
    assert [recent.get(("e", f"org_greedy/{number}", "dek"), NOW) is not None for number in (91, 92, 99)] == [
        False,
        True,
        True,
    ]


def test_who_comes_new_finds_room_among_owners_of_many_keys(clock):
    recent = RecentDeks(size=10, fresh_s=10, stale_s=20, clock=clock)
    for number in range(20):
        recent.put(("e", f"org_greedy/{number}", "dek"), DEK, NOW, recent.generation)
    recent.drop(("e", "org_greedy/19", "dek"))

    for each in (places := [("e", f"org_{name}", "dek") for name in "abc"]):
        recent.put(each, DEK, NOW, recent.generation)

    assert all(recent.get(each, NOW) for each in places)


PART = st.text("a-/._LATEST", max_size=6)


@given(PART, PART, PART, PART)
@example("p", "q-dek", "p-q", "dek")
def test_no_two_keyrings_share_a_place(ring, which, other, another):
    one, two = (
        place_of(OwnedKeyring(ENVIRONMENT, Keyring(each)), key) for each, key in ((ring, which), (other, another))
    )

    assert (one == two) == ((ring, which) == (other, another))


def test_a_stored_key_is_that_of_its_id_only():
    record = WrappedDek("dek_a", 5, b"").encode()
    deks = KeyringDeks(None, None, None)

    assert deks.created_at(DekId("dek_a"), record) == 5
    with pytest.raises(IntegrityFailure):
        deks.created_at(DekId("dek_b"), record)
