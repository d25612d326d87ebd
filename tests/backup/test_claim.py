"""One restore at a time: what stands in a store until it is whole, and what becomes of a restore that slept meanwhile."""

from contextlib import closing, contextmanager, nullcontext, suppress

import pytest

from backup.kit import HIDDEN, NAME, VALUE, keys_of, unseen, updated
from sealring.errors import BackupRefused, SealringError, SettingsInvalid
from sealring.operator import whole_store
from sealring.server import wiring
from sealring.store.connection.link import Link
from sealring.store.connection.links import Links
from support.make import ACME, caller, context

ME = caller(ACME)


class Interrupted(BaseException):
    pass


def at(wanted, happens):
    """Progress during which something happens, once: before a step."""
    left = [wanted]

    def progress(step, _length):
        if step in left:
            left.remove(step)
            happens()
        return nullcontext(lambda _: None)

    return progress


@pytest.fixture
def watched(monkeypatch):
    """In the block, something happens before the send of that number."""
    send = Link.send

    @contextmanager
    def watching(number, happens):
        left = iter(range(number - 1, -1, -1))

        def sent(link, *commands):
            if next(left, None) == 0:
                happens()
            return send(link, *commands)

        with monkeypatch.context() as patched:
            patched.setattr(Link, "send", sent)
            yield

    return watching


# --- two restores


@pytest.fixture
def old_and_new(installed, opened):
    """Two backups: of objects of several organizations, and of what became of them."""
    orgs = [f"org_{number}" for number in range(2)]
    made = {
        org: opened.use.objects.create(caller(org), name=NAME, value="OLD", context=context(organization_id=org))
        for org in orgs
    }
    old = installed.back_up("old")
    for org, record in made.items():
        updated(opened.use, caller(org), record, "NEW")
    return old, installed.back_up("new"), made


def test_a_restore_that_slept_writes_over_nothing(installed, old_and_new, watched):
    """Wherever it slept. Whoever took it for dead emptied the store, and restored a later backup; then servers wrote."""
    old, new, made = old_and_new
    stored = []

    def happens():
        installed.empty_the_other()
        installed.restore(new)
        with installed.opened(installed.there) as restored:
            for org, record in made.items():
                updated(restored.use, caller(org), record, "LIVE")
        stored.append(everything(installed.other_url))

    for number in range(1, 400):
        installed.empty_the_other()
        stored.clear()
        with watched(number, happens):
            try:
                installed.restore(old)
            except (BackupRefused, SettingsInvalid):
                slept = True
            else:
                slept = False
        if not slept:
            break
        assert [everything(installed.other_url)] == stored

    assert stored == []
    assert number > 20


@pytest.mark.parametrize("step", ["restore", "verify"])
def test_a_restore_whose_store_was_emptied_meanwhile_writes_nothing_any_more(installed, small, step):
    with pytest.raises(BackupRefused):
        installed.restore(small, at(step, installed.empty_the_other))

    assert keys_of(installed.other_url) == []


def test_of_two_restores_at_once_one_is_refused(installed, small):
    refused = []

    def happens():
        with pytest.raises(SettingsInvalid, match="^a restore into the store is running") as failure:
            whole_store.restore(installed.there, small, unseen, refused.append)
        refused.append(str(failure.value))

    assert installed.restore(small, at("restore", happens)).objects == 1
    assert len(refused) == 1
    assert installed.findings == []


def test_a_store_in_which_something_was_written_meanwhile_is_left_as_it_is(installed, small):
    """By a server that was not stopped: the claim goes again."""

    def happens():
        with closing(Links.to(installed.other_url)) as links:
            links.call((b"SET", b"s1:{0}:w", b""))

    with pytest.raises(SettingsInvalid, match="^the store is not empty"):
        installed.restore(small, at("check", happens))

    assert keys_of(installed.other_url) == [b"s1:{0}:w"]


def test_a_store_that_was_made_ready_meanwhile_is_left_as_it_is(installed, small):
    stored = []

    def happens():
        wiring.initialise_store(installed.there, 2, layout_file=installed.folder / "etc" / "store-layout")
        stored.append(everything(installed.other_url))

    with pytest.raises(SettingsInvalid, match="^the store is not empty"):
        installed.restore(small, at("check", happens))

    assert [everything(installed.other_url)] == stored


# --- wherever it ends


def test_wherever_a_restore_ends_its_store_is_empty_or_whole_or_says_that_it_is_neither(installed, small, watched):
    def happens():
        raise Interrupted

    states, ended = [], False
    for number in range(1, 400):
        installed.empty_the_other()
        with watched(number, happens), suppress(Interrupted):
            installed.restore(small)
            ended = True
        states.append(state_of(installed))
        if ended:
            break

    assert ended
    assert list(dict.fromkeys(states)) == ["empty", "restoring", "whole"]
    assert states.count("whole") == 1


def state_of(installed):
    if keys_of(installed.other_url) == []:
        return "empty"
    found = []
    try:
        whole_store.verify(installed.there, unseen, found.append, unwrap=False)
    except SealringError as failure:
        return "restoring" if "a restore into the store is running" in str(failure) else repr(failure)
    with installed.opened(installed.there) as opened:
        value = opened.use.objects.read_by_name(caller(HIDDEN), NAME, None).value
    return "whole" if (found, value) == ([], VALUE) else repr(found)


def everything(url):
    with closing(Links.to(url)) as links:
        keys = sorted(links.scan(b"*"))
        return dict(zip(keys, links.call(*((b"DUMP", key) for key in keys)), strict=True))
