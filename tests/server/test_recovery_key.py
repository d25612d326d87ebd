"""Three of five shares make the recovery key, which opens its own seal and no other."""

import itertools

import pytest
from shamir_mnemonic import generate_mnemonics

from sealring.crypto.root_seal import RecoveryKey
from sealring.errors import ChangeRefused, SealringError, SettingsInvalid
from sealring.operator.recovery import key_of, shares_of
from server.sealed_kit import rolled


def test_any_three_shares_of_five_open_the_root_keys(sealed, recovery, kms):
    root = sealed.seals.open()
    shares = shares_of(recovery)
    kms.states.update({"1": "KEY_DESTROYED", "2": "KEY_DESTROYED"})

    assert len(shares) == 5
    for three in itertools.combinations(shares, 3):
        assert sealed.seals.open_with(key_of(three)) == root


def test_fewer_shares_or_those_of_others_are_refused(recovery):
    mine, others = shares_of(recovery), shares_of(RecoveryKey.fresh())

    for few in (mine[:2], [mine[0]] * 3, mine[:4], []):
        with pytest.raises(ChangeRefused, match="the recovery key needs 3 different shares"):
            key_of(few)
    for mixed in ([*mine[:2], others[0]], [*mine[:2], f"{mine[2]} acid"], ["nonsense", "more", "yet more"]):
        with pytest.raises(ChangeRefused, match="the shares do not fit together"):
            key_of(mixed)


def test_shares_of_something_else_than_a_recovery_key_are_refused():
    ((*shares,),) = generate_mnemonics(1, [(3, 5)], bytes(16))

    with pytest.raises(ChangeRefused, match="the shares are not those of a recovery key of sealring"):
        key_of(shares[:3])


def test_another_recovery_key_opens_nothing(sealed, recovery):
    with pytest.raises(SettingsInvalid, match="the recovery key does not open"):
        sealed.seals.open_with(RecoveryKey.fresh())


def test_a_recovery_key_opens_no_other_seal(sealed, recovery):
    sealed.file("recovery").write_text(sealed.file("1").read_text())

    with pytest.raises(SealringError, match="sealed by 'example'; the settings name 'local' and 'recovery'"):
        sealed.seals.open_with(recovery)


def test_the_recovery_key_is_no_root_key_and_is_stored_nowhere(sealed, recovery):
    assert recovery.secret not in sealed.seals.open().content
    assert recovery.secret.hex() not in sealed.seals.open().content.decode()
    assert [file.name for file in sealed.folder.iterdir() if recovery.secret in file.read_bytes()] == []


def test_a_recovery_seal_of_replaced_root_keys_is_reported_and_not_opened(sealed, recovery):
    list(sealed.seals.make(rolled(sealed.seals.open())))

    assert "make it again with `sealring root recovery-key`" in list(sealed.seals.report())[-1]
    with pytest.raises(SettingsInvalid, match="is of other root keys than those that were sealed last"):
        sealed.seals.open_with(recovery)
