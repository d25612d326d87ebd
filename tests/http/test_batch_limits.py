"""A batch counts as so many requests, and its body has limits of its own."""

import pytest

from sealring.admission.limits import Rates
from sealring.http.batches.views import BatchViews
from support.make import limiter, services
from support.served import posted, served
from support.stores import memory

CONTEXT = {"organization_id": "org_acme"}
ITEM = {"key_context": CONTEXT, "plaintext": "c2VjcmV0"}
USES = {"permissions": ["vault:keys:use"], "org_id": "org_acme"}


def of_batches(limits):
    use = services(memory())
    return served(BatchViews(use.items, use.object_batches).routes(), limits)


def encrypt(server, items):
    """The status of a batch, and its answer."""
    return posted(server, "/sealring/v1/batch/encrypt", {"items": items}, **USES)


def test_each_item_counts_as_a_request():
    server = of_batches(limiter(rates=Rates(subject=10)))

    assert [encrypt(server, [ITEM] * count)[0] for count in (15, 5, 1)] == [200, 200, 429]


def test_a_batch_that_is_over_a_rate_is_refused_as_a_whole():
    server = of_batches(limiter(rates=Rates(subject=10)))
    encrypt(server, [ITEM] * 15)

    status, answer = encrypt(server, [ITEM] * 6)

    assert (status, answer["code"]) == (429, "rate_limited")


def test_a_batch_may_be_larger_than_other_bodies_and_have_more_in_it():
    status, answer = encrypt(of_batches(limiter()), [ITEM] * 1000)

    assert status == 200
    assert [list(each) for each in answer["items"]] == [["ciphertext"]] * 1000


@pytest.mark.parametrize("pairs", [10])
def test_a_thousand_items_may_have_as_many_pairs_as_a_context_can(pairs):
    context = {**CONTEXT, **{f"key {number}": "value" for number in range(pairs - 1)}}

    assert encrypt(of_batches(limiter()), [{**ITEM, "key_context": context}] * 1000)[0] == 200


def test_a_body_of_countless_small_things_is_refused():
    status, answer = encrypt(of_batches(limiter()), [[[]] * 30] * 700)

    assert (status, answer["code"]) == (400, "malformed_request")
