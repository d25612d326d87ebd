"""Each item of a batch has a key of its own."""

from dataclasses import replace

import pytest

from sealring.crypto.items import ItemKeys
from sealring.crypto.seal import commitment
from sealring.domain.codec import head_of
from sealring.domain.envelope import Combine, DataKeyBlob, Header, Wrap
from sealring.domain.ids import EnvironmentId
from sealring.errors import IntegrityFailure
from support.make import context
from support.tampering import every_bit_of

DEK = bytearray(range(32))
ENVIRONMENT = EnvironmentId("environment_01J00000000000000000000000")
HEADER = Header.of_batch(Combine.ANY, bytes(32), ENVIRONMENT, context())
WRAPS = (Wrap("local", bytes(16), 1, "a256gcm", 0, bytes(60)),)
NONCE = bytes(12)


def head(header=HEADER, dek=DEK):
    return head_of(DataKeyBlob(header, WRAPS, commitment(dek, header), context()))


KEYS = ItemKeys(DEK, head())


def test_an_item_opens_to_what_was_sealed():
    assert KEYS.open(KEYS.seal(3, NONCE, b"value")) == b"value"


def test_no_two_items_have_the_same_key():
    sealed = {KEYS.seal(index, NONCE, bytes(32)).ciphertext[:32] for index in (0, 1, 255, 256, 2**32 - 1)}

    assert len(sealed) == 5


@pytest.mark.parametrize("index", [0, 2, 257, 1 << 24])
def test_an_item_opens_only_at_its_index(index):
    moved = replace(KEYS.seal(1, NONCE, b"value"), index=index)

    with pytest.raises(IntegrityFailure):
        KEYS.open(moved)


@pytest.mark.parametrize(
    "other",
    [
        head(replace(HEADER, message_id=bytes(31) + b"\1")),
        head(Header.of_batch(Combine.ANY, bytes(32), ENVIRONMENT, context(organization_id="org_beta"))),
        head(Header.of_batch(Combine.ALL, bytes(32), ENVIRONMENT, context())),
        head(Header.of_data_key(Combine.ANY, bytes(32), ENVIRONMENT, context())),
    ],
    ids=["message id", "organization", "combine", "suite"],
)
def test_an_item_does_not_open_under_another_head(other):
    with pytest.raises(IntegrityFailure):
        ItemKeys(DEK, other).open(KEYS.seal(1, NONCE, b"value"))


def test_an_item_does_not_open_under_another_commitment():
    other = replace(head().key, commitment=bytes(32))

    with pytest.raises(IntegrityFailure):
        ItemKeys(DEK, head_of(other)).open(KEYS.seal(1, NONCE, b"value"))


def test_each_bit_of_an_item_counts():
    item = KEYS.seal(1, NONCE, b"value")

    for flipped in every_bit_of(item.ciphertext):
        with pytest.raises(IntegrityFailure):
            KEYS.open(replace(item, ciphertext=flipped))
    for flipped in every_bit_of(item.nonce):
        with pytest.raises(IntegrityFailure):
            KEYS.open(replace(item, nonce=flipped))


def test_the_keys_of_items_are_not_shown():
    assert repr(KEYS) == "ItemKeys(…)"
