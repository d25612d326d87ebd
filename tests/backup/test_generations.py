"""What tells a restored store from the one that it was, and a store that was never made ready from one that was lost."""

from contextlib import closing

import pytest

from backup.kit import updated
from sealring.errors import StoreLost
from sealring.keys.decisions import Decisions
from sealring.server import wiring
from sealring.store.connection.links import Links
from sealring.store.keks import RedisKeks
from sealring.store.markers import Markers
from support.make import ACME, caller, context

ME = caller(ACME)


def markers_of(url):
    """By partition, what each says."""
    with closing(Links.to(url)) as links:
        return links.call((b"GET", b"s1:{0}:z"), (b"GET", b"s1:{1}:z"))


def generations(url):
    return {marker[16:32] for marker in markers_of(url)}


@pytest.fixture
def record(opened):
    return opened.use.objects.create(ME, name="name", value="one", context=context())


# --- a restore


def test_every_partition_is_marked_after_a_restore_and_with_one_new_generation(installed, record):
    files = installed.back_up()
    made = [generations(installed.settings.store_url)]
    for _ in range(2):
        installed.empty_the_other()
        installed.restore(files)
        made.append(generations(installed.other_url))

    assert [len(each) for each in made] == [1, 1, 1]
    assert len(set().union(*made)) == 3
    assert {marker[:16] for marker in markers_of(installed.other_url)} == {
        marker[:16] for marker in markers_of(installed.settings.store_url)
    }


def test_a_server_that_was_running_all_the_while_goes_on_with_what_was_restored(installed, opened, record):
    """Restored into the store that it uses: until then it is lost, and then nothing is known by heart any more."""
    files = installed.back_up()
    opened.use.objects.create(ME, name="with a KEK of its own", value="v", context=context(organization_id=ACME, n="1"))
    installed.other_url = installed.settings.store_url
    installed.empty_the_other()
    with pytest.raises(StoreLost):
        opened.use.objects.read(ME, str(record.id))

    installed.restore(files)

    assert opened.use.objects.read(ME, str(record.id)).value == "one"
    made = opened.use.objects.create(ME, name="again", value="v", context=context(organization_id=ACME, n="1"))
    with installed.opened() as another:
        assert another.use.objects.read(ME, str(made.id)).value == "v"
        assert another.store.actions().count("vault.kek.created") == 2
    assert installed.verify(unwrap=True) == []


def test_a_data_key_that_is_made_after_a_restore_opens_in_every_process(installed, opened, record):
    """Its KEK was made after the backup, and is known by heart where it was made."""
    files = installed.back_up()
    theirs = context(organization_id=ACME, n="1")
    opened.use.data_keys.create(ME, theirs)
    installed.other_url = installed.settings.store_url
    installed.empty_the_other()
    installed.restore(files)

    pair = opened.use.data_keys.create(ME, theirs)

    with installed.opened() as another:
        assert another.use.data_keys.decrypt(ME, pair.wrapped).secret == pair.secret


def test_a_kek_that_was_read_just_before_a_restore_wraps_nothing_after_it(installed, opened, record, monkeypatch):
    """Its request goes on when others have learned of the restore and have forgotten all that was known."""
    files = installed.back_up()
    theirs = context(organization_id=ACME, n="1")
    with installed.opened() as another:
        another.use.data_keys.create(ME, theirs)
    find, found = RedisKeks.find, []

    def held_up(keks, scope):
        found.append(find(keks, scope))
        if len(found) == 1:
            installed.other_url = installed.settings.store_url
            installed.empty_the_other()
            installed.restore(files)
            opened.use.objects.read(ME, str(record.id))
        return found[-1]

    monkeypatch.setattr(RedisKeks, "find", held_up)
    pair = opened.use.data_keys.create(ME, theirs)

    assert found[0] is not None
    with installed.opened() as another:
        assert another.use.data_keys.decrypt(ME, pair.wrapped).secret == pair.secret


def test_a_binding_that_was_made_after_the_backup_is_known_no_longer(installed, opened, record):
    files = installed.back_up()
    bound = Decisions(opened.store.bindings)
    opened.store.when_renewed(bound.forget)
    installed.bind(opened.use, ACME, "key_new")
    environment = record.environment
    assert len(bound.decision(environment, ACME).bindings) == 1
    installed.other_url = installed.settings.store_url
    installed.empty_the_other()
    installed.restore(files)

    opened.store.objects.get(record.id)  # the first look at the new generation

    assert bound.decision(environment, ACME).bindings == []


# --- making ready


class Interrupted(Exception):
    pass


@pytest.fixture
def interrupted(installed, monkeypatch):
    """A first set-up that ended between the layout and the markers."""
    with closing(Links.to(installed.settings.store_url)) as links:
        links.call((b"FLUSHALL",))

    def begin(_markers):
        raise Interrupted

    for file in ("store-pin", "store-layout"):
        (installed.settings.path.parent / file).unlink()
    with monkeypatch.context() as patched:
        patched.setattr(Markers, "begin", begin)
        with pytest.raises(Interrupted):
            wiring.initialise_store(installed.settings, 2)
    assert markers_of(installed.settings.store_url) == [None, None]


def test_a_set_up_that_was_cut_short_is_completed_by_the_next(installed, interrupted):
    wiring.initialise_store(installed.settings, 2)

    assert len(generations(installed.settings.store_url)) == 1
    with installed.opened() as opened:
        made = opened.use.objects.create(ME, name="name", value="v", context=context())
        assert opened.use.objects.read(ME, str(made.id)).value == "v"
    assert installed.verify(unwrap=True) == []


def test_a_store_that_was_cut_short_is_no_store(installed, interrupted):
    with installed.opened() as opened, pytest.raises(StoreLost):
        opened.use.objects.create(ME, name="name", value="v", context=context())


@pytest.mark.parametrize("lost", [(0,), (1,), (0, 1)])
def test_a_store_that_holds_data_and_lost_its_markers_is_not_completed(installed, opened, record, lost):
    opened.links.call(*((b"DEL", b"s1:{%d}:z" % partition) for partition in lost))

    with pytest.raises(StoreLost):
        wiring.initialise_store(installed.settings, 2)

    assert [
        partition for partition, marker in enumerate(markers_of(installed.settings.store_url)) if marker is None
    ] == [*lost]


def test_a_store_that_is_whole_keeps_its_generation(installed, record):
    files = installed.back_up()
    installed.restore(files)
    before = markers_of(installed.other_url)

    wiring.initialise_store(installed.there, 2)

    assert markers_of(installed.other_url) == before


def test_an_update_goes_on_after_a_restore(installed, opened, record):
    installed.restore(installed.back_up())

    with installed.opened(installed.there) as restored:
        assert updated(restored.use, ME, record, "two").current.number == 2
