"""The file of root keys under the key of a seal."""

from dataclasses import replace

import pytest

from sealring.crypto.data_key import DataKey
from sealring.crypto.root_seal import RecoveryKey, open_root, seal_root
from sealring.domain.root_seal import Root, RootEpoch, SealHead
from sealring.errors import IntegrityFailure
from sealring.keys.sealed_root import seal, unseal

ROOT = Root("local", b"the root keys", (RootEpoch("data", 1), RootEpoch("keep", 1)))
HEAD = SealHead("local", ROOT.id, 1, ROOT.epochs, "awskms")


def test_root_keys_that_are_not_those_of_the_head_are_refused():
    """Whoever can seal, e.g. with a public key, could put other root keys behind a head."""
    other = replace(ROOT, content=b"other root keys")
    with DataKey.fresh() as key:
        forged = seal_root(other, key, HEAD, b"sealed key")

        with pytest.raises(IntegrityFailure):
            open_root(forged, key)


def test_two_seals_of_the_same_root_keys_share_nothing():
    key = RecoveryKey.fresh()
    one, two = (seal(ROOT, key, "recovery", 1) for _ in range(2))

    assert one.head == two.head
    assert {one.sealed_key, one.nonce, one.ciphertext}.isdisjoint({two.sealed_key, two.nonce, two.ciphertext})
    assert unseal(one, key) == unseal(two, key) == ROOT


class Forgetful:
    """A provider that opens to another secret than it sealed."""

    def seal(self, secret, aad):
        return b"sealed"

    def open(self, sealed, aad):
        return bytearray(32)


def test_a_seal_that_does_not_open_is_never_made():
    with pytest.raises(IntegrityFailure):
        seal(ROOT, Forgetful(), "awskms", 1)


def test_neither_root_keys_nor_a_recovery_key_are_shown():
    key = RecoveryKey(b"0123456789abcdef0123456789abcdef")

    shown = f"{ROOT!r} {ROOT} {key!r} {key} {seal(ROOT, key, 'recovery', 1)!r}"

    assert "the root keys" not in shown
    assert "0123456789abcdef" not in shown
