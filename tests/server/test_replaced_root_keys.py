"""An older seal opens nothing once the root keys were replaced, and root keys in hand stay only beside seals that agree."""

import pytest

from sealring.server.root_seals import StaysSealed
from server.sealed_kit import claiming, rolled, told


def test_an_older_seal_that_claims_to_be_the_newest_does_not_open(sealed):
    old = sealed.file("2").read_text()
    new = rolled(sealed.seals.open())
    list(sealed.seals.make(new))
    sealed.file("2").write_text(old)
    claiming(sealed, "2", generation=9)

    assert sealed.seals.open() == new


@pytest.mark.parametrize(("state", "may_pass"), [("UNAVAILABLE", True), ("KEY_DESTROYED", False)])
def test_an_older_seal_stays_shut_while_nobody_can_say_whether_the_newer_one_is_genuine(sealed, kms, state, may_pass):
    old = sealed.file("2").read_text()
    new = rolled(sealed.seals.open())
    list(sealed.seals.make(new))
    sealed.file("2").write_text(old)
    kms.states["1"] = state

    seals = sealed.seals
    found = seals.attempt()

    assert isinstance(found, StaysSealed)
    assert found.may_pass is may_pass
    assert "seal 2 (example): " in found.why
    assert f"or move {sealed.file('1')} away, if it is not what was sealed last" in found.why
    kms.states.clear()
    assert sealed.seals.open() == new


def test_the_recovery_key_opens_beside_a_seal_that_only_claims_to_be_newer(sealed, recovery):
    root = sealed.seals.open()
    for name in ("1", "2"):
        claiming(sealed, name, generation=2, root_id=bytes(16))

    assert sealed.seals.open_with(recovery) == root


def test_root_keys_in_hand_stay_if_each_seal_that_says_otherwise_was_altered(sealed):
    root = sealed.seals.open()
    for name in ("1", "2"):
        claiming(sealed, name, generation=2, root_id=bytes(16))
    seals = sealed.seals
    assert not seals.holds(root)

    assert isinstance(seals.attempt(), StaysSealed)

    assert seals.holds(root)


def test_root_keys_in_hand_stay_beside_an_altered_seal_if_only_that_of_the_recovery_key_has_them(sealed, recovery):
    root = sealed.seals.open()
    list(sealed.seals.reseal())
    for name in ("1", "2"):
        claiming(sealed, name, root_id=bytes(16))
    seals = sealed.seals

    assert isinstance(seals.attempt(), StaysSealed)
    assert seals.holds(root)


@pytest.mark.parametrize("state", ["UNAVAILABLE", "KEY_DESTROYED", "ACCESS_DENIED"])
def test_root_keys_in_hand_do_not_stay_beside_a_seal_of_others_that_nobody_can_try(sealed, kms, recovery, state):
    root = sealed.seals.open()
    list(sealed.seals.make(rolled(root)))
    claiming(sealed, "2", root_id=bytes(16))
    kms.states["1"] = state
    seals = sealed.seals

    assert isinstance(seals.attempt(), StaysSealed)
    assert not seals.holds(root)


def test_root_keys_in_hand_do_not_stay_if_there_is_no_seal_any_more(sealed):
    root = sealed.seals.open()
    for name in ("1", "2"):
        sealed.file(name).unlink()
    seals = sealed.seals

    assert isinstance(seals.attempt(), StaysSealed)
    assert not seals.holds(root)


def test_a_seal_of_root_keys_that_were_replaced_is_not_opened(sealed, kms):
    old = sealed.file("2").read_text()
    list(sealed.seals.make(rolled(sealed.seals.open())))
    sealed.file("2").write_text(old)
    kms.states["1"] = "KEY_DISABLED"

    assert "root-seal-2 is of other root keys than those that were sealed last: make it again" in told(sealed)


@pytest.mark.parametrize("older", ["1", "2"])
def test_a_crash_between_two_seals_leaves_the_new_root_keys(sealed, older):
    root, before = rolled(sealed.seals.open()), sealed.file(older).read_text()
    list(sealed.seals.make(root))
    sealed.file(older).write_text(before)

    assert sealed.seals.open() == root
