from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring.crypto.data_key import DataKey
from sealring.crypto.seal import check_commitment, commitment, open_sealed, seal
from sealring.domain.envelope import Combine, Header, Suite, Wrap
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.errors import IntegrityFailure
from support.make import context

HEADER = Header(
    Suite.OBJECT,
    Combine.ANY,
    bytes(32),
    EnvironmentId("environment_01J00000000000000000000000"),
    OrgId("org_acme"),
    bytes(16),
    bytes(16),
    context().digest,
)
WRAPS = (Wrap("local", bytes(16), 1, "a256gcm", 0, bytes(60)),)


def sealed(dek=None):
    return seal(b"value", dek=dek or bytearray(range(32)), header=HEADER, wraps=WRAPS)


def test_a_sealed_value_opens_under_its_key():
    assert open_sealed(sealed(), bytearray(range(32))) == b"value"


def test_another_key_is_refused_by_the_commitment():
    with pytest.raises(IntegrityFailure) as refused:
        open_sealed(sealed(), bytearray(32))

    assert refused.value.reason == "commitment"


@pytest.mark.parametrize(
    "change",
    [
        {"message_id": bytes(31) + b"\1"},
        {"environment": EnvironmentId("environment_01J00000000000000000000001")},
        {"org": OrgId("org_beta")},
        {"object_id": bytes(15) + b"\1"},
        {"version_id": bytes(15) + b"\1"},
        {"context_hash": bytes(32)},
        {"combine": Combine.ALL},
        {"suite": Suite.DATA_KEY},
    ],
)
def test_a_value_does_not_open_under_another_header(change):
    envelope = replace(sealed(), header=replace(HEADER, **change))

    with pytest.raises(IntegrityFailure):
        open_sealed(envelope, bytearray(range(32)))


def test_another_nonce_is_refused():
    with pytest.raises(IntegrityFailure):
        open_sealed(replace(sealed(), nonce=bytes(12)), bytearray(range(32)))


def test_each_bit_of_the_ciphertext_counts():
    envelope = sealed()
    for position in range(8 * len(envelope.ciphertext)):
        flipped = bytearray(envelope.ciphertext)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(IntegrityFailure):
            open_sealed(replace(envelope, ciphertext=bytes(flipped)), bytearray(range(32)))


def test_new_wraps_leave_the_value_readable():
    envelope = replace(sealed(), wraps=(Wrap("hsm", bytes(16), 2, "a256gcm", 0, bytes(60)),))

    assert open_sealed(envelope, bytearray(range(32))) == b"value"


def test_the_data_key_itself_does_not_decrypt():
    envelope = sealed()

    with pytest.raises(Exception, match="^$"):  # InvalidTag has no text
        AESGCM(bytes(range(32))).decrypt(envelope.nonce, envelope.ciphertext, HEADER.encoded + envelope.commitment)


def test_two_sealings_of_one_value_differ():
    assert sealed().ciphertext != sealed().ciphertext


def test_a_commitment_holds_for_its_key_and_message_only():
    committed = commitment(bytearray(range(32)), HEADER)

    check_commitment(bytearray(range(32)), HEADER, committed)
    with pytest.raises(IntegrityFailure):
        check_commitment(bytearray(32), HEADER, committed)
    with pytest.raises(IntegrityFailure):
        check_commitment(bytearray(range(32)), replace(HEADER, message_id=bytes(31) + b"\1"), committed)


def test_a_data_key_is_wiped_when_its_block_ends():
    with DataKey.fresh() as dek:
        secret = dek.secret
        assert any(secret)

    assert secret == bytearray(32)


def test_a_data_key_is_wiped_when_its_block_fails():
    with pytest.raises(RuntimeError), DataKey.fresh() as dek:
        secret = dek.secret
        raise RuntimeError

    assert secret == bytearray(32)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_all_shares_together_are_the_key(count):
    dek = DataKey(bytearray(range(32)))

    assert DataKey.joined(dek.split(count)).secret == bytearray(range(32))


def test_a_missing_share_gives_another_key():
    shares = DataKey(bytearray(range(32))).split(3)

    assert DataKey.joined(shares[:2]).secret != bytearray(range(32))


def test_a_share_says_nothing_of_the_key():
    dek = DataKey(bytearray(range(32)))

    assert dek.split(2)[0] != dek.split(2)[0]


def test_a_data_key_does_not_show_itself():
    assert repr(DataKey(bytearray(b"k" * 32))) == "DataKey(…)"
