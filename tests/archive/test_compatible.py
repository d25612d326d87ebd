"""The bucket of the old service, both ways: an independent codec reads what we wrote, and we read what it wrote."""

import time

import pytest

from archive.kit import MASTER, NEXT, master_line, opened, tables, used
from revocations.commands import run
from sealring.domain.keyrings import Keyring
from sealring.errors import EnvelopeRejected
from support.s3 import objects, put
from vectors import keyring_reader as reader

RING = "org_acme/payments"
DEK = bytes(range(64, 96))
NONCE = bytes(range(12))
CREATED, SEALED = 1_700_000_000_000, 1_700_000_000_123
SHORT, LONG = "dek_aB3dE6gH9", "dek_" + "0ujsszwN8NRY24YaXiTIE2VWDTS"


def written_by_the_old_service(place, ring, key_id, master=MASTER):
    """A DEK and the pointer to it, and a value under it."""
    record = reader.wrapped(key_id, DEK, CREATED, master, NONCE, CREATED)
    put(place, f"keyring/{ring}/{key_id}", record)
    put(place, f"keyring/{ring}/LATEST", record)
    return reader.sealed(b"from the old service", DEK, key_id, NONCE, SEALED)


@pytest.mark.parametrize("key_id", [SHORT, LONG])
def test_we_open_what_the_old_service_wrote_and_go_on_under_its_key(installed, storage, key_id):
    place = storage.made()
    envelope = written_by_the_old_service(place, RING, key_id)
    before = objects(place)

    with opened(installed(place)) as (keyrings, caller):
        assert keyrings.decrypt(Keyring(RING), envelope, caller) == b"from the old service"
        sealed = keyrings.encrypt(Keyring(RING), b"from sealring", caller)

    assert sealed.key_id == key_id
    assert reader.opened(sealed.encrypted, DEK, "", "") == b"from sealring"
    assert objects(place) == before


def test_the_old_service_opens_what_we_wrote_and_goes_on_under_our_key(installed, storage):
    place = storage.made()
    path = installed(place)
    sealed = used(path, "Zoë".encode())
    stored = objects(place)

    assert set(stored) == {f"keyring/{RING}/{sealed.key_id}", f"keyring/{RING}/LATEST"}
    assert stored[f"keyring/{RING}/LATEST"] == stored[f"keyring/{RING}/{sealed.key_id}"]  # byte for byte
    key_id, dek = reader.unwrapped(stored[f"keyring/{RING}/LATEST"], dict([MASTER]))
    assert key_id == sealed.key_id
    assert reader.opened(sealed.encrypted, dek, "", "") == "Zoë".encode()
    theirs = reader.sealed(b"back there", dek, key_id, NONCE, SEALED)
    with opened(path) as (keyrings, caller):
        assert keyrings.decrypt(Keyring(RING), theirs, caller) == b"back there"


def test_a_key_that_the_old_service_makes_meanwhile_is_the_newest_for_us_too(installed, storage):
    """It asks for no condition: whatever it writes, wins."""
    place = storage.made()
    path = installed(place)
    ours = used(path)
    written_by_the_old_service(place, RING, SHORT)

    with opened(path) as (keyrings, caller):
        assert keyrings.encrypt(Keyring(RING), b"value", caller).key_id == SHORT
        assert keyrings.decrypt(Keyring(RING), ours.encrypted, caller) == b"value"


def test_envelopes_and_records_are_as_long_as_those_of_the_old_service(installed, storage):
    place = storage.made()
    sealed = used(installed(place, NEXT), b"value")
    dek = reader.unwrapped(objects(place)[f"keyring/{RING}/LATEST"], dict([NEXT]))[1]
    now = int(time.time() * 1000)

    assert len(sealed.encrypted) == len(reader.sealed(b"value", dek, sealed.key_id, NONCE, now))
    theirs = reader.wrapped(sealed.key_id, dek, now, NEXT, NONCE, now)
    assert len(objects(place)[f"keyring/{RING}/LATEST"]) == len(theirs) == 134


def test_a_key_of_the_old_service_under_another_name_opens_nothing_else(installed, storage):
    """The id that a record names is the one that it is asked for by."""
    place = storage.made()
    envelope = written_by_the_old_service(place, RING, SHORT)
    stray = reader.wrapped(SHORT, DEK, CREATED, MASTER, NONCE, CREATED)
    put(place, f"keyring/{RING}/{LONG}", stray)
    named_otherwise = reader.sealed(b"x", DEK, LONG, NONCE, SEALED)

    with opened(installed(place)) as (keyrings, caller):
        assert keyrings.decrypt(Keyring(RING), envelope, caller) == b"from the old service"
        with pytest.raises(Exception, match="integrity"):
            keyrings.decrypt(Keyring(RING), named_otherwise, caller)
        for key_id in ("LATEST", "../payments/" + SHORT, "", "."):
            with pytest.raises(EnvelopeRejected):
                keyrings.decrypt(Keyring(RING), reader.sealed(b"x", DEK, key_id, NONCE, SEALED), caller)


def test_previous_master_keys_open_until_a_roll_and_then_are_not_needed(installed, storage):
    place = storage.made()
    envelope = written_by_the_old_service(place, RING, LONG)
    path = installed(place, NEXT, MASTER)

    assert run(path, "keyrings", "roll").exit_code == 0

    tables(path.parent, place, NEXT)
    with opened(path) as (keyrings, caller):
        assert keyrings.decrypt(Keyring(RING), envelope, caller) == b"from the old service"
    assert reader.unwrapped(objects(place)[f"keyring/{RING}/{LONG}"], dict([NEXT])) == (LONG, DEK)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_master_key_of_another_length_is_refused_at_the_start(installed, plain_bucket, size):
    path = installed(plain_bucket, ("kek_short", bytes(range(size))))

    ended = run(path, "check-config")

    assert ended.exit_code == 1
    assert f"line 1 has a key of {size} bytes; AES-256 takes 32" in ended.output
    assert master_line("kek_short", bytes(range(size))) not in ended.output
