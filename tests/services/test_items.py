"""Items of a batch: each opens only as what it was sealed as, and no other has its failure."""

import time
from dataclasses import replace

import pytest

from sealring.crypto.blob_mac import genuine, signed
from sealring.domain.codec import ItemReader, encode_item
from sealring.domain.events import Action
from sealring.errors import CiphertextRejected, Forbidden, NotReached
from sealring.services.items import PlainItem
from support.make import ACME, BETA, OTHER_ENVIRONMENT, caller, context, services
from support.stores import KEYS, memory

ME = caller(ACME)


@pytest.fixture
def store():
    return memory()


@pytest.fixture
def use(store):
    return services(store)


def plain(*texts, **pairs):
    made = context(**pairs)
    return [PlainItem(index, made, text) for index, text in enumerate(texts)]


def sealed(use, *texts, who=ME, **pairs):
    results = use.items.encrypt(who, plain(*texts, **pairs))
    return [results[index] for index in range(len(texts))]


def opened(use, *blobs, who=ME):
    results = use.items.decrypt(who, dict(enumerate(blobs)))
    return [results[place] for place in range(len(blobs))]


def read(blob):
    return ItemReader().read(genuine(KEYS, blob))


def at_index(blob, index):
    """The same item at another index, under a MAC that is ours."""
    item = read(blob)
    item.index = index
    return signed(KEYS, encode_item(item))


def test_items_open_to_what_was_sealed(use):
    assert opened(use, *sealed(use, b"one", b"", b"\0\xff")) == [b"one", b"", b"\0\xff"]


def test_items_open_in_any_order_and_each_by_itself(use):
    one, two, three = sealed(use, b"one", b"two", b"three")

    assert opened(use, three, one) == [b"three", b"one"]
    assert opened(use, two) == [b"two"]


def test_the_items_of_one_context_have_one_data_key_and_those_of_others_have_another(use):
    items = [*plain(b"a", b"b"), PlainItem(2, context(organization_id=ACME, type="card"), b"c")]

    results = use.items.encrypt(ME, items)

    heads = [read(results[index]).head for index in range(3)]
    assert heads[0] == heads[1]
    assert heads[0].key.wraps != heads[2].key.wraps
    assert heads[0].batch_id != heads[2].batch_id


def test_two_batches_have_no_data_key_in_common(use):
    (one,), (other,) = sealed(use, b"same"), sealed(use, b"same")

    assert read(one).head.key.commitment != read(other).head.key.commitment


def test_an_item_opens_only_at_its_index(use):
    one, two = sealed(use, b"one", b"two")

    (moved, stayed) = opened(use, at_index(one, 1), at_index(two, 1))

    assert isinstance(moved, CiphertextRejected)
    assert moved.reason == "ciphertext"
    assert stayed == b"two"


def test_an_item_does_not_open_under_the_head_of_another_batch(use):
    (one,), (other,) = sealed(use, b"one"), sealed(use, b"one")
    item = read(one)
    item.head = read(other).head

    (result,) = opened(use, signed(KEYS, encode_item(item)))

    assert isinstance(result, CiphertextRejected)
    assert result.reason == "ciphertext"


def test_an_item_of_another_organization_is_refused_as_garbage_is(use):
    (blob,) = sealed(use, b"secret")

    foreign, garbage = opened(use, blob, b"garbage", who=caller(BETA))

    assert str(foreign) == str(garbage)
    assert foreign.reason == "organization"


def test_an_item_of_another_environment_is_refused(use):
    (blob,) = sealed(use, b"secret")

    (result,) = opened(use, blob, who=caller(ACME, environment=OTHER_ENVIRONMENT))

    assert isinstance(result, CiphertextRejected)


def test_what_is_no_item_is_refused_and_the_others_open(use):
    (blob,) = sealed(use, b"secret")
    key = use.data_keys.create(ME, context()).wrapped

    results = opened(use, blob, b"", blob[:-1], blob + b"\0", key, blob)

    assert [isinstance(result, CiphertextRejected) for result in results] == [False, True, True, True, True, False]


def test_an_item_is_no_data_key(use):
    (blob,) = sealed(use, b"secret")

    with pytest.raises(CiphertextRejected):
        use.data_keys.decrypt(ME, blob)


def test_items_for_an_organization_that_the_token_lacks_are_refused_and_the_others_are_sealed(use):
    items = [*plain(b"mine"), PlainItem(1, context(organization_id=BETA), b"not mine")]

    results = use.items.encrypt(ME, items)

    assert isinstance(results[1], Forbidden)
    assert opened(use, results[0]) == [b"mine"]


def test_a_commitment_of_another_data_key_is_refused(use):
    (one,), (other,) = sealed(use, b"one"), sealed(use, b"other")
    item = read(one)
    raw = encode_item(item).replace(item.head.key.commitment, read(other).head.key.commitment)

    for before in ((), (one,)):  # also if an item with that message id was read just before
        *_, result = opened(use, *before, signed(KEYS, raw))

        assert isinstance(result, CiphertextRejected)
        assert result.reason == "commitment"


def test_each_item_has_one_event_that_no_other_has(use, store):
    blobs = sealed(use, b"one", b"two")
    opened(use, blobs[0], blobs[0])

    events = [event for event in store.audit.events if event.action in {Action.ITEM_ENCRYPTED, Action.ITEM_DECRYPTED}]
    batch = read(blobs[0]).head.batch_id
    assert [(event.action, event.target) for event in events] == [
        (Action.ITEM_ENCRYPTED, f"{batch}/0"),
        (Action.ITEM_ENCRYPTED, f"{batch}/1"),
        (Action.ITEM_DECRYPTED, f"{batch}/0"),
        (Action.ITEM_DECRYPTED, f"{batch}/0"),
    ]
    assert len({(event.action, event.target, event.origin.operation) for event in events}) == 4


def test_an_item_that_is_refused_has_no_event_of_being_opened(use, store):
    (blob,) = sealed(use, b"one")

    opened(use, at_index(blob, 7))

    assert Action.ITEM_DECRYPTED not in {event.action for event in store.audit.events}


def test_a_batch_counts_as_one_data_key_of_its_kek(use, store):
    sealed(use, b"one", b"two", b"three")

    assert [each.data_keys for each in store.audit.uses] == [1]


def test_items_of_an_organization_that_an_item_does_not_name_are_for_callers_of_all(use):
    anybody = caller()

    blobs = sealed(use, b"secret", who=anybody, type="card")

    assert opened(use, *blobs, who=anybody) == [b"secret"]
    assert isinstance(opened(use, *blobs)[0], CiphertextRejected)


def test_items_after_the_deadline_are_not_begun(use):
    (blob,) = sealed(use, b"secret")
    late = replace(ME, deadline=time.monotonic())

    assert isinstance(sealed(use, b"late", who=late)[0], NotReached)
    assert isinstance(opened(use, blob, who=late)[0], NotReached)
