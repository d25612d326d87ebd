"""A roll over many pages of a bucket, killed twice, beside encryptions and rotations."""

import os
import subprocess
import threading
import time
from contextlib import closing

import pytest

from archive.kit import MASTER, NEXT, opened, tables
from sealring.archive.sdk import Client
from sealring.domain.keyrings import Keyring
from support.commands import SEALRING
from support.s3 import call, objects
from support.waiting import becomes_true
from vectors import keyring_reader as reader

RINGS, DEKS = 1_000, 5
NONCE = bytes(12)
DEK = bytes(range(32))


def filled(place):
    """Write keyrings as the old service does."""
    soon = time.monotonic() + 300
    with closing(Client(place)) as client:
        for number in range(RINGS):
            ring = f"org_many/{number:04}"
            for key in range(DEKS):
                key_id = f"dek_{number:04}x{key:04}"
                record = reader.wrapped(key_id, DEK, 1_700_000_000_000 + key, MASTER, NONCE, 1_700_000_000_000)
                client.call("put_object", soon, Key=f"keyring/{ring}/{key_id}", Body=record)
            client.call("put_object", soon, Key=f"keyring/{ring}/LATEST", Body=record)


def kek_of(record):
    return reader.fields(reader.fields(record)[3])[4].decode()


def has_come(place, number):
    """Whether the roll has come to this keyring: it takes them in their order."""
    key = f"keyring/org_many/{number:04}/dek_{number:04}x0000"
    return kek_of(call(place, "get_object", Key=key)["Body"].read()) == NEXT[0]


@pytest.mark.torture
@pytest.mark.timeout(1_200)
def test_a_roll_that_is_killed_twice_leaves_nothing_under_the_old_key(installed, storage):
    place = storage.made()
    filled(place)
    path = installed(place, NEXT, MASTER)
    over, rotated, sealed = threading.Event(), {}, []

    def work():
        with opened(path) as (keyrings, caller):
            for number in range(RINGS):
                if over.is_set():
                    return
                ring = Keyring(f"org_many/{RINGS - 1 - number:04}")
                sealed.append((ring, keyrings.encrypt(ring, b"value", caller).encrypted))
                if number % 10 == 0:
                    rotated[ring.name] = keyrings.rotate(ring, caller).id

    beside = threading.Thread(target=work)
    beside.start()
    command = [SEALRING, "keyrings", "roll", "--config", path]
    for number in (200, 500):
        with subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as rolling:
            assert becomes_true(lambda number=number: has_come(place, number), 300)
            rolling.kill()
    last = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=900, check=False)
    over.set()
    beside.join(60)

    assert last.returncode == 0, last.stderr
    assert f"KEK {MASTER[0]}: guards no key any more" in last.stdout
    stored = objects(place)
    assert {kek_of(record) for record in stored.values()} == {NEXT[0]}
    assert len(rotated) > 10
    assert len(stored) == RINGS * (DEKS + 1) + len(rotated)
    for number in range(RINGS):
        ring = f"org_many/{number:04}"
        newest = rotated.get(ring, f"dek_{number:04}x{DEKS - 1:04}")
        assert reader.unwrapped(stored[f"keyring/{ring}/LATEST"], dict([NEXT]))[0] == newest
    tables(path.parent, place, NEXT)
    with opened(path) as (keyrings, caller):
        assert {keyrings.decrypt(ring, each, caller) for ring, each in sealed} == {b"value"}
