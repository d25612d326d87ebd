"""No writer makes an object grow without bound: so many versions are kept, and the oldest goes with the write.

Attacks "Bounds" (docs/storage.md): updates of one object, over and over.
"""

import itertools

import pytest

from adversary.stepper import at_every_gap
from sealring.domain.ids import uuid_text
from sealring.errors import NotFound

KEPT = 100  # with the current one, unless the settings say otherwise


@pytest.fixture
def org(scene):
    return scene.organization()


def update(org, record, value="new"):
    change = {"value": value, "version_check": None, "contexts": ()}
    return org.scene.watched.use.objects.update(org.caller, str(record.id), **change)


def listed(org, record):
    return org.scene.watched.use.versions.list(org.caller, str(record.id))


def read_version(org, record, version_id):
    return org.scene.watched.use.versions.read(org.caller, str(record.id), uuid_text(version_id)).value


def stored(scene, record):
    """How many older versions, and how many summaries of them, are in the store."""
    (versions,), (summaries,) = (list(scene.links.scan(b"s1:{*}:%s:*" % kind)) for kind in (b"v", b"s"))
    assert versions.endswith(record.id.raw)
    return scene.links.call((b"HLEN", versions), (b"LLEN", summaries))


@pytest.fixture
def full(org):
    """An object with as many versions as are kept."""
    record = org.object()
    for number in range(2, KEPT + 1):
        record = update(org, record, f"value {number}")
    return record


def test_an_object_keeps_a_hundred_versions(scene, org, full):
    oldest = listed(org, full)[-1].id
    for number in itertools.count(KEPT + 1):
        if number > KEPT + 5:
            break
        update(org, full, f"value {number}")

    assert [each.number for each in listed(org, full)] == list(range(KEPT + 5, 5, -1))
    assert stored(scene, full) == [KEPT - 1, KEPT - 1]
    with pytest.raises(NotFound):
        read_version(org, full, oldest)
    assert read_version(org, full, listed(org, full)[-1].id) == "value 6"


def test_the_oldest_version_goes_in_the_transaction_of_the_write(scene, org, full):
    """Whenever it is looked at, there are so many and no gap."""
    seen = []

    def prepared():
        return lambda: update(org, full), lambda: seen.append([each.number for each in listed(org, full)])

    assert all(taken.failure is None for taken in at_every_gap(scene.stepper, prepared))
    assert [numbers for numbers in seen if numbers != list(range(numbers[0], numbers[0] - KEPT, -1))] == []
