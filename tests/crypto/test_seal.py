import itertools
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring.crypto.data_key import DataKey
from sealring.crypto.seal import check_commitment, commitment, open_sealed, seal
from sealring.domain.envelope import Combine, Header, Suite, Wrap
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.errors import IntegrityFailure
from support.make import context
from support.tampering import every_bit_of

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


def test_each_bit_of_a_commitment_counts():
    committed = commitment(bytearray(range(32)), HEADER)

    assert len(committed) == 32
    for flipped in every_bit_of(committed):
        with pytest.raises(IntegrityFailure):
            check_commitment(bytearray(range(32)), HEADER, flipped)


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


@pytest.mark.parametrize("count", [2, 3, 4])
def test_fewer_shares_than_all_say_nothing_of_the_key(count):
    """Random ones and one more: were one random share used twice, the last of three would be the key itself."""
    key = bytes(range(32))
    shares = DataKey(bytearray(key)).split(count)

    assert len({bytes(share) for share in shares}) == count
    for size in range(1, count):
        for some in itertools.combinations(shares, size):
            joined = bytes(DataKey.joined(some).secret)
            assert joined not in {key, bytes(32)}


@pytest.mark.parametrize("count", [2, 3])
def test_two_splits_of_one_key_have_no_share_in_common(count):
    dek = DataKey(bytearray(range(32)))

    one, other = ({bytes(share) for share in dek.split(count)} for _ in range(2))

    assert one.isdisjoint(other)


def test_a_data_key_does_not_show_itself():
    assert repr(DataKey(bytearray(b"k" * 32))) == "DataKey(…)"
