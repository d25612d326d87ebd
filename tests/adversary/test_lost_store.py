"""A store that was emptied, or replaced by another, is never taken for an empty one, however much of a request is done.

Attacks "never an empty store" (docs/storage.md): whoever can write to the store empties it, or puts another store of the
same key in its place, between any two steps of a request. Nothing may be answered or written as if it had always been so.
"""

import pytest

from adversary.requests_of import create, data_key, every_request, of_new_ones, status_of
from adversary.stepper import at_every_gap_before_the_event
from sealring.errors import StoreLost
from support import stores


def emptied(scene):
    scene.links.call((b"FLUSHALL",))


def replaced(scene):
    emptied(scene)
    stores.on_links(scene.links, scene.partitions, store_id=b"another store...")


lost = pytest.mark.parametrize("loss", [emptied, replaced])


@lost
@every_request
def test_a_request_that_meets_the_loss_is_refused(scene, request_of, loss):
    def prepared():
        emptied(scene)
        stores.on_links(scene.links, scene.partitions)
        org = scene.organization()
        org.bind()
        return of_new_ones(org, request_of), lambda: loss(scene)

    gaps = at_every_gap_before_the_event(scene.stepper, prepared)
    answered = [taken.story for taken in gaps if status_of(taken) != 503]

    assert answered == []


@lost
@pytest.mark.parametrize("request_of", [create, data_key])
def test_a_store_that_is_lost_takes_nothing_new(scene, request_of, loss):
    org = scene.organization()
    request = of_new_ones(org, request_of)
    loss(scene)

    taken = scene.stepper.count(request)

    assert isinstance(taken.failure, StoreLost)
    assert not any(b"}:o:" in key for key in scene.links.scan(b"s1:*"))
