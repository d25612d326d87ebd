"""Which files are restored together, and into which store."""

from contextlib import closing
from dataclasses import replace

import pytest

from backup.kit import HIDDEN, NAME, VALUE, install, keys_of, unseen
from sealring.domain.ids import uuid_text
from sealring.errors import BackupRefused, SettingsInvalid, StoreUnavailable
from sealring.observability.logs import Log
from sealring.operator import whole_store
from sealring.operator.whole_store import BackupFiles
from sealring.server import application, wiring
from sealring.server.inheritance import Inheritance
from sealring.store.connection.links import Links
from support.make import ACME, caller, context

ME = caller(ACME)
RESTORING = (
    "^a restore into the store is running or was interrupted: let it finish, or, if none is running, empty the store"
)


def test_key_records_that_are_older_than_the_data_are_refused(installed, small):
    with pytest.raises(
        BackupRefused,
        match=r"^the key records are older than the data: use those made with the data, or later ones$",
    ):
        installed.restore(replace(installed.back_up("later"), keys=small.keys))

    assert keys_of(installed.other_url) == []


def test_files_of_two_stores_are_refused(installed, small, tmp_path):
    another = install(tmp_path / "another", installed.other_url, 2).back_up()
    installed.empty_the_other()

    with pytest.raises(BackupRefused, match=r"^the two files belong to different stores$"):
        installed.restore(replace(small, keys=another.keys))

    assert keys_of(installed.other_url) == []


def test_files_that_were_swapped_are_told_apart(installed, small):
    with pytest.raises(BackupRefused, match=r"store.keys is the file of key records: give it with --keys$"):
        installed.restore(BackupFiles(small.keys, small.data))
    with pytest.raises(BackupRefused, match=r"store.keys is the file of key records: give it with --keys$"):
        installed.restore(BackupFiles(small.keys, small.keys))
    with pytest.raises(BackupRefused, match=r"store.data is the file of data: give it without --keys$"):
        installed.restore(BackupFiles(small.data, small.data))

    assert keys_of(installed.other_url) == []


def test_later_key_records_open_older_data(installed, small, opened):
    """With the KEKs that were made in between, which guard nothing in it."""
    opened.use.objects.create(ME, name="later", value="v", context=context())
    later = installed.back_up("later")

    counts = installed.restore(replace(small, keys=later.keys))

    assert installed.findings == []
    assert (counts.objects, counts.keks, counts.scopes) == (1, 2, 2)
    with installed.opened(installed.there) as restored:
        assert restored.use.objects.read_by_name(caller(HIDDEN), NAME, None).value == VALUE
        restored.use.objects.create(ME, name="again", value="v", context=context())
        assert restored.store.actions().count("vault.kek.created") == 1


def test_bindings_are_those_of_the_data_whatever_came_later(installed, opened):
    """One that was made after the data has no KEK that leads nowhere, and one that was deleted has its own."""
    doomed = installed.bind(opened.use, "org_doomed", "key_doomed", activate=False)
    kept = installed.bind(opened.use, "org_kept", "key_kept")
    files = installed.back_up()
    opened.use.bindings.delete(caller("org_doomed"), uuid_text(doomed.id))
    installed.bind(opened.use, "org_new", "key_new")
    later = installed.back_up("later")

    counts = installed.restore(replace(files, keys=later.keys))

    assert installed.findings == []
    assert (counts.bindings, counts.keks) == (2, 2)
    with installed.opened(installed.there) as restored:
        assert {each.kek for each in (doomed, kept)} == {
            restored.store.keks.get(each.environment, each.org, each.id).active for each in (doomed, kept)
        }


# --- where it is restored


class Interrupted(Exception):
    pass


@pytest.fixture
def half_restored(installed, small):
    """A restore that ended before its last step."""

    def progress(step, length):
        if step == "verify":
            raise Interrupted
        return unseen(step, length)

    with pytest.raises(Interrupted):
        installed.restore(small, progress)
    assert len(keys_of(installed.other_url)) > 5


def test_no_server_starts_on_a_restore_that_was_interrupted(installed, half_restored):
    with pytest.raises(SettingsInvalid, match=RESTORING):
        application.make_app(Inheritance.of(installed.there, Log()), Log())


def test_a_restore_that_was_interrupted_is_not_made_ready(installed, half_restored):
    layout = installed.folder / "etc" / "store-layout"
    for options in ({}, {"layout_file": layout}, {"trusting": True}):
        with pytest.raises(SettingsInvalid, match=RESTORING):
            wiring.initialise_store(installed.there, 2, **options)


def test_a_restore_that_was_interrupted_is_not_verified_or_backed_up(installed, half_restored):
    files = BackupFiles(installed.folder / "more.data", installed.folder / "more.keys")
    with pytest.raises(SettingsInvalid, match=RESTORING):
        whole_store.verify(installed.there, unseen, print, unwrap=False)
    with pytest.raises(SettingsInvalid, match=RESTORING):
        whole_store.backup(installed.there, files, unseen)


def test_a_restore_that_was_interrupted_is_not_continued(installed, small, half_restored):
    with pytest.raises(SettingsInvalid, match=RESTORING):
        installed.restore(small)

    installed.empty_the_other()
    assert installed.restore(small).objects == 1


@pytest.mark.parametrize("key", [b"s1:ready", b"s1:{0}:a"])
def test_a_store_that_has_any_key_of_ours_is_refused(installed, small, key):
    with closing(Links.to(installed.other_url)) as links:
        links.call((b"SET", key, b"1"))

    with pytest.raises(SettingsInvalid, match="^the store is not empty"):
        installed.restore(small)


def test_a_store_that_is_in_use_is_refused(installed, small):
    installed.restore(small)

    with pytest.raises(SettingsInvalid, match="^the store is not empty"):
        installed.restore(small)


def test_keys_of_others_are_none_of_our_business(installed, small):
    with closing(Links.to(installed.other_url)) as links:
        links.call((b"SET", b"theirs", b"1"))

    assert installed.restore(small).objects == 1


def test_a_store_that_is_away_is_said_to_be(installed, small):
    installed.other_url = "redis://127.0.0.1:1"

    with pytest.raises(StoreUnavailable):
        installed.restore(small)


def test_an_object_that_was_damaged_before_the_backup_is_restored_as_it_was(installed, opened, small):
    whole = opened.use.objects.create(ME, name="whole", value="v", context=context())
    damaged = opened.use.objects.create(ME, name="damaged", value="v", context=context())
    key = opened.parts.keyspace.object(damaged.id)
    opened.links.call((b"SETRANGE", key, 60, b"\xff\xff"))
    (raw,) = opened.links.call((b"GET", key))

    assert installed.restore(installed.back_up()).objects == 3

    assert installed.findings == [f"{damaged.id}: its record was altered"]
    with installed.opened(installed.there) as restored:
        assert restored.links.call((b"GET", key)) == [raw]
        assert restored.use.objects.read(ME, str(whole.id)).value == "v"
