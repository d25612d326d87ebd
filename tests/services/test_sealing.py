"""What holds an envelope together when no record MAC does: each part is bound to all others."""

from dataclasses import replace

import pytest

from sealring.domain.envelope import Combine
from sealring.domain.ids import ObjectId
from sealring.errors import IntegrityFailure
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring, ManagedKeys
from sealring.keys.routing import ManagedKeks
from sealring.keys.wrap_counts import WrapCounts
from sealring.services.sealing import Sealing
from support.make import ACME, BETA, caller, context, gateway
from support.stores import memory

ME = caller(ACME)
ITEMS = context(organization_id=ACME, type="card")


def sealing(per):
    store = memory()
    keys = gateway()
    keyring = Keyring(keys, store.keks, ManagedKeys("local", per), WrapCounts(store.keks, keys.max_wraps))
    return Sealing(keyring, Decisions(store.bindings))


@pytest.fixture(params=[ManagedKeks.COMBINATION, ManagedKeks.ITEMS])
def seals(request):
    return sealing(request.param)


def opened(seals, envelope):
    value, _ = seals.open(envelope, ITEMS, ME, seals.decision(envelope))
    return value


OBJECT, OTHER_OBJECT = ObjectId(bytes(16)), ObjectId(bytes(15) + b"\1")


@pytest.mark.parametrize("part", ["header", "wraps", "commitment", "nonce", "ciphertext"])
@pytest.mark.parametrize(
    ("object_id", "other_context", "who"),
    [
        pytest.param(OTHER_OBJECT, ITEMS, ME, id="another object"),
        pytest.param(OBJECT, ITEMS, ME, id="another version"),
        pytest.param(OBJECT, context(organization_id=BETA, type="card"), caller(BETA), id="another organization"),
        pytest.param(OBJECT, context(organization_id=ACME, type="bank"), ME, id="another context"),
    ],
)
def test_no_part_of_another_envelope_is_accepted(seals, part, object_id, other_context, who):
    mine = seals.seal(b"mine", OBJECT, ITEMS, ME, None)[0]
    other = seals.seal(b"else", object_id, other_context, who, None)[0]

    with pytest.raises(IntegrityFailure):
        opened(seals, replace(mine, **{part: getattr(other, part)}))


def test_an_item_has_a_kek_of_its_own_and_all_are_needed():
    seals = sealing(ManagedKeks.ITEMS)

    envelope = seals.seal(b"value", OBJECT, ITEMS, ME, None)[0]

    assert envelope.header.combine is Combine.ALL
    assert len({wrap.kek_id for wrap in envelope.wraps}) == 2
    assert opened(seals, envelope) == b"value"


def test_one_item_alone_opens_nothing():
    seals = sealing(ManagedKeks.ITEMS)
    envelope = seals.seal(b"value", OBJECT, ITEMS, ME, None)[0]

    for wraps in (envelope.wraps[:1], envelope.wraps[1:], (envelope.wraps[0], envelope.wraps[0])):
        with pytest.raises(IntegrityFailure):
            opened(seals, replace(envelope, wraps=wraps))


def test_an_item_that_two_organizations_share_has_two_keks():
    seals = sealing(ManagedKeks.ITEMS)
    mine = seals.seal(b"mine", OBJECT, ITEMS, ME, None)[0]
    theirs = seals.seal(b"theirs", OBJECT, context(organization_id=BETA, type="card"), caller(BETA), None)[0]

    assert {wrap.kek_id for wrap in mine.wraps}.isdisjoint(wrap.kek_id for wrap in theirs.wraps)


def test_a_combination_has_one_kek():
    envelope = sealing(ManagedKeks.COMBINATION).seal(b"value", OBJECT, ITEMS, ME, None)[0]

    assert envelope.header.combine is Combine.ANY
    assert len(envelope.wraps) == 1


def test_no_two_sealings_share_a_data_key():
    seals = sealing(ManagedKeks.COMBINATION)
    one, two = (seals.seal(b"value", OBJECT, ITEMS, ME, None)[0] for _ in range(2))

    assert one.wraps[0].kek_id == two.wraps[0].kek_id
    assert one.wraps[0].blob != two.wraps[0].blob
    assert one.commitment != two.commitment
