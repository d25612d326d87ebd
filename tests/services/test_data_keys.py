"""A data key is the one that its blob commits to, or none."""

from dataclasses import replace

import pytest

from sealring.crypto.blob_mac import genuine, signed
from sealring.domain.codec import encode_data_key, parse_data_key
from sealring.errors import CiphertextRejected
from support.make import ACME, caller, context, services
from support.stores import KEYS, memory

ME = caller(ACME)


@pytest.fixture
def use():
    return services(memory())


def committing_to(blob, commitment):
    """The same blob with another commitment, under a MAC that is ours."""
    parsed = parse_data_key(genuine(KEYS, blob))
    return signed(KEYS, encode_data_key(replace(parsed, commitment=commitment)))


def commitment(blob):
    return parse_data_key(genuine(KEYS, blob)).commitment


@pytest.mark.parametrize("ask", ["decrypt", "rekey"])
def test_a_data_key_that_its_blob_does_not_commit_to_is_refused(use, ask):
    made, other = (use.data_keys.create(ME, context()).wrapped for _ in range(2))
    wrong = committing_to(made, commitment(other))

    with pytest.raises(CiphertextRejected):
        use.data_keys.decrypt(ME, wrong) if ask == "decrypt" else use.data_keys.rekey(ME, wrong, context())

    assert committing_to(made, commitment(made)) == made
    assert use.data_keys.decrypt(ME, made).wrapped == made


def test_a_data_key_that_was_rekeyed_is_the_same_under_the_same_id_and_opens_in_both_contexts(use):
    made = use.data_keys.create(ME, context())

    moved = use.data_keys.rekey(ME, made.wrapped, context(organization_id=ACME, type="card"))

    assert (moved.id, moved.secret) == (made.id, made.secret)
    assert moved.context == context(organization_id=ACME, type="card")
    for each in (made, moved):
        opened = use.data_keys.decrypt(ME, each.wrapped)
        assert (opened.id, opened.secret, opened.context) == (made.id, made.secret, each.context)
