"""A store that was emptied, or replaced by another, is never taken for an empty one, however much of a request is done.

Attacks "never an empty store" (docs/storage.md): whoever can write to the store empties it, or puts another store of the
same key in its place, between any two steps of a request. Nothing may be answered or written as if it had always been so.
"""

import pytest

from adversary.requests_of import create, data_key, every_request, of_new_ones, status_of, update
from adversary.stepper import at_every_gap_before_the_event
from sealring.errors import StoreLost
from support import stores


def emptied(scene):
    scene.links.call((b"FLUSHALL",))


def marked(scene):
    """All is there, and says that it is another store's."""
    stores.on_links(scene.links, scene.partitions, store_id=b"another store...")


def replaced(scene):
    emptied(scene)
    marked(scene)


def begin_anew(scene):
    """Empty the store, and let it be the one that it was at first."""
    emptied(scene)
    stores.on_links(scene.links, scene.partitions)


@every_request
@pytest.mark.parametrize("loss", [emptied, replaced])
def test_a_request_that_meets_the_loss_is_refused(scene, request_of, loss):
    assert answered_all_the_same(scene, request_of, loss) == []


@pytest.mark.parametrize("request_of", [create, update])
def test_a_write_that_meets_the_mark_of_another_store_is_refused(scene, request_of):
    assert answered_all_the_same(scene, request_of, marked) == []


def answered_all_the_same(scene, request_of, loss):
    def prepared():
        begin_anew(scene)
        org = scene.organization()
        org.bind()
        return of_new_ones(org, request_of), lambda: loss(scene)

    gaps = at_every_gap_before_the_event(scene.stepper, prepared)
    return [taken.story for taken in gaps if status_of(taken) != 503]


@pytest.mark.parametrize(
    ("request_of", "loss"), [(create, emptied), (create, marked), (create, replaced), (data_key, emptied)]
)
def test_a_store_that_is_lost_takes_nothing_new(scene, request_of, loss):
    org = scene.organization()
    request = of_new_ones(org, request_of)
    loss(scene)
    before = objects_in(scene)

    taken = scene.stepper.count(request)

    assert isinstance(taken.failure, StoreLost)
    assert objects_in(scene) == before


def objects_in(scene):
    return sorted(scene.links.scan(b"s1:{*}:o:*"))
