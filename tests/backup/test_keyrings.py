"""Keyrings survive a backup and a restore, with what was counted, and a write during the backup is in it."""

import pytest

from sealring.domain.keyring_ports import KeyringChange
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.domain.limits import Use
from sealring.errors import EnvelopeRejected
from sealring.store.backup.restore import UNSEEN_WRAPS
from sealring.store.schema.counts import Counts
from support.make import ACME, ENVIRONMENT, caller

ME, ALL = caller(ACME), caller()
RING, NOBODYS = Keyring(f"{ACME}/payments"), Keyring("env 1/żółć")


@pytest.fixture
def sealed(opened):
    """Values of a keyring of an organization, under an old and the newest DEK, and of one of nobody."""
    use = opened.use.keyrings
    values = [(RING, use.encrypt(RING, b"old", ME).encrypted, b"old")]
    use.rotate(RING, ME)
    values.append((RING, use.encrypt(RING, b"new", ME).encrypted, b"new"))
    values.append((NOBODYS, use.encrypt(NOBODYS, b"theirs", ALL).encrypted, b"theirs"))
    return values


@pytest.fixture
def restored(installed, sealed):
    installed.restore(installed.back_up())
    with installed.opened(installed.there) as store:
        yield store


def owned(ring):
    return OwnedKeyring(ENVIRONMENT, ring)


def test_restored_keyrings_open_what_they_encrypted_and_go_on(restored, sealed):
    use = restored.use.keyrings

    assert [use.decrypt(ring, encrypted, ALL) for ring, encrypted, _ in sealed] == [each for _, _, each in sealed]
    again = use.encrypt(RING, b"again", ME)
    assert use.decrypt(RING, again.encrypted, ME) == b"again"
    assert use.rotate(RING, ME).id != again.key_id


def test_restored_keyrings_are_whole_listed_and_counted(installed, opened, restored):
    assert installed.findings == []
    assert restored.store.usage.load(owned(RING).environment, ACME) == Use(objects=2, contexts=1)
    pages = restored.store.keyrings.page(owned(RING).environment)
    listed = []
    while True:
        listed += [each.ring.ring.name for each in pages.keyrings]
        if pages.after is None:
            break
        pages = restored.store.keyrings.page(owned(RING).environment, pages.after)
    assert sorted(listed) == sorted([RING.name, NOBODYS.name])


def test_what_may_have_been_encrypted_since_the_backup_counts(installed, opened, restored):
    before = opened.store.keyring_log.counts(owned(RING))

    after = restored.store.keyring_log.counts(owned(RING))

    assert after == {key_id: count + UNSEEN_WRAPS for key_id, count in before.items()}
    assert sorted(before.values()) == [1, 1]


def test_the_newest_dek_is_the_newest_after_a_restore(installed, opened, restored):
    ring = owned(RING)

    assert restored.store.keyrings.latest(ring).id == opened.store.keyrings.latest(ring).id


def test_a_destroyed_keyring_is_not_in_a_later_backup(installed, opened, sealed):
    opened.use.keyring_care.destroy(ALL, RING)

    installed.restore(installed.back_up())

    with installed.opened(installed.there) as restored, pytest.raises(EnvelopeRejected):
        restored.use.keyrings.decrypt(RING, sealed[0][1], ME)


def test_keys_of_keyrings_are_counted_only_if_there_are_any(installed, sealed):
    assert str(Counts()).endswith("0 audit entries")
    assert str(installed.restore(installed.back_up())).endswith("audit entries, 3 keys of keyrings")


def test_a_dek_that_does_not_open_is_found_by_opening_it(installed, opened, sealed):
    """Its wrap was altered, under a MAC that is right."""
    ring = owned(RING)
    dek = opened.store.keyrings.latest(ring)
    altered = dek.record[:60] + bytes((dek.record[60] ^ 1,)) + dek.record[61:]
    event = next(each for each in opened.store.events() if each.action == "vault.keyring.dek_created")
    opened.store.keyrings.replace(ring, dek, altered, KeyringChange(event))

    assert installed.verify() == []
    (found,) = installed.verify(unwrap=True)
    assert found.startswith(f"keyring {opened.parts.keyspace.keyring_digest(ring).hex()}: {dek.id}: it does not open")
