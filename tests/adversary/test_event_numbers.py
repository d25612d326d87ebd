"""The events of a worker are numbered without a gap, whatever its rivals do.

Attacks "Accountability" (SECURITY.md): an event that was kept out is told by a later one, so that a gap is one that was
taken out.
"""

from contextlib import suppress

import pytest

from adversary.stepper import at_every_gap
from sealring.errors import SealringError
from sealring.store.audit_entry import decode_entry

WRITES = {
    "a create": lambda world, org, record: world.seal(org.id, name="contended"),
    "an update": lambda world, org, record: world.use.objects.update(
        org.caller, str(record.id), value="new", version_check=None, contexts=()
    ),
    "a binding": lambda world, org, record: world.bind(org.id, "key_one"),
    "the first use of a context": lambda world, org, record: world.use.data_keys.create(
        org.caller, org.context(type="new")
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_event_that_a_rival_kept_out_is_told_as_refused(scene, write):
    def prepared():
        org = scene.organization()
        record = org.object()

        def act():
            with suppress(SealringError):
                write(scene.rival, org, record)

        return lambda: write(scene.watched, org, record), act

    for _ in at_every_gap(scene.stepper, prepared):
        pass
    last = scene.organization()
    last.data_key()  # an event of the watched process, for what is not told yet

    entries = [
        decode_entry(scene.watched.store.keys, partition, body)
        for partition in range(scene.partitions)
        for _, (_, body) in scene.links.call((b"XRANGE", b"s1:{%d}:a" % partition, b"-", b"+"))[0]
    ]
    (boot,) = {each.boot for each in entries if each.event.org == last.id}
    there = [each.counter for each in entries if each.boot == boot]
    refused = [number for each in entries if each.boot == boot for number in each.refused]
    assert sorted(there + refused) == list(range(1, len(there) + len(refused) + 1))
    assert refused != []
