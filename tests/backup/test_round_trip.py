"""What was backed up is there again after a restore."""

from dataclasses import replace

import pytest

from backup.kit import updated
from sealring.domain.ids import uuid_text
from sealring.errors import NotFound
from sealring.services.listing import ListOptions
from sealring.store.binding_uses import WHOLE
from sealring.store.schema.counts import Counts
from support.make import ACME, BETA, caller, context
from support.portal import token_of

ME, THEM, ALL, BOUND = caller(ACME), caller(BETA), caller(), caller("org_bound")


@pytest.fixture
def made(installed, opened):
    """Objects of two organizations and of none; one has versions, one is deleted; and a data key, and a binding."""
    use = opened.use
    mine = use.objects.create(ME, name="mine", value="one", context=context())
    mine = updated(use, ME, updated(use, ME, mine, "two"), "three")
    theirs = use.objects.create(THEM, name="theirs", value="their value", context=context(organization_id=BETA))
    deleted = use.objects.create(
        ME, name="deleted", value="still there", context=context(organization_id=ACME, kind="x")
    )
    use.objects.delete(ME, str(deleted.id), version_check=None)
    nobodys = use.objects.create(ALL, name="nobody's", value="żółć" * 30_000, context=context(kind="x"))
    pair = use.data_keys.create(ME, context())
    binding = installed.bind(use, "org_bound", "key_theirs")
    bound = use.objects.create(
        BOUND, name="bound", value="under their key", context=context(organization_id="org_bound")
    )
    return {
        "mine": mine,
        "theirs": theirs,
        "deleted": deleted,
        "nobodys": nobodys,
        "pair": pair,
        "binding": binding,
        "bound": bound,
    }


@pytest.fixture
def restored(installed, made):
    """The other store, in use, after a restore."""
    installed.restore(installed.back_up())
    with installed.opened(installed.there) as store:
        yield store


def test_values_are_read(restored, made):
    use = restored.use

    assert use.objects.read(ME, str(made["mine"].id)).value == "three"
    assert use.objects.read_by_name(THEM, "theirs", None).value == "their value"
    assert use.objects.read_by_name(ALL, "nobody's", None).value == "żółć" * 30_000


def test_older_versions_are_read(restored, made):
    versions = restored.use.versions.list(ME, str(made["mine"].id))
    oldest = uuid_text(versions[2].id)

    assert [each.number for each in versions] == [3, 2, 1]
    assert restored.use.versions.read(ME, str(made["mine"].id), oldest).value == "one"


def test_a_deleted_object_is_deleted_and_can_come_back(restored, made):
    use = restored.use
    with pytest.raises(NotFound):
        use.objects.read(ME, str(made["deleted"].id))

    use.objects.restore(ME, str(made["deleted"].id))

    assert use.objects.read_by_name(ALL, "deleted", None).value == "still there"


def test_lists_are_the_same(opened, restored, made):
    for who in (ME, THEM, ALL):
        expected = opened.use.lists.list(who, ListOptions())

        assert restored.use.lists.list(who, ListOptions()) == expected


def test_a_data_key_still_opens(restored, made):
    assert restored.use.data_keys.decrypt(ME, made["pair"].wrapped).secret == made["pair"].secret


def test_a_binding_guards_as_before(installed, restored, made):
    use, binding = restored.use, made["binding"]

    new = use.objects.create(BOUND, name="new", value="v", context=context(organization_id="org_bound"))

    assert use.objects.read(BOUND, str(made["bound"].id)).value == "under their key"
    assert new.current.key_id == binding.id
    assert restored.store.bindings.load(binding.environment, binding.org).bindings[0] == binding
    assert restored.store.bindings.owners(new.id.partition) == [(binding.environment, "org_bound")]


def test_the_use_of_a_customers_key_is_kept_and_says_that_it_may_be_more(opened, restored, made):
    """The key may have sealed what the backup does not hold."""
    binding = made["binding"]
    (before,) = opened.store.bindings.uses(binding.environment, binding.org, [binding]).values()

    (after,) = restored.store.bindings.uses(binding.environment, binding.org, [binding]).values()

    assert (before.versions, before.complete) == (1, True)
    assert before.last_used_at is not None
    assert before.state_since is not None
    assert after == replace(before, complete=False)


def test_the_audit_log_is_kept(installed, opened, made):
    before = opened.store.actions()

    installed.restore(installed.back_up())

    with installed.opened(installed.there) as restored:
        assert restored.store.actions() == before
    assert before.count("vault.object.updated") == 2


def test_objects_go_on_to_change(restored, made):
    updated(restored.use, ME, made["mine"], "four")
    restored.use.objects.create(ME, name="new", value="v", context=context())

    assert restored.use.objects.read_by_name(ME, "mine", None).value == "four"


def test_every_key_is_byte_for_byte_the_same(installed, opened, made):
    """But for the times in the directory, which is a hint, the markers, what lives for a while only, and WHOLE."""
    files = installed.back_up()
    before = dump(opened.links)

    installed.restore(files)

    with installed.opened(installed.there) as restored:
        assert dump(restored.links) == before
    assert len(before) > 25


def test_no_link_to_the_portal_and_no_session_of_it_comes_back(installed, opened, made):
    portal = opened.use.portal
    link, session = token_of(portal), portal.begin(token_of(portal), "request-1").secret

    installed.restore(installed.back_up())

    with installed.opened(installed.there) as restored:
        assert restored.use.portal.seen(link) is restored.use.portal.session(session) is None
        assert not restored.links.call((b"KEYS", b"s1:{*}:[pf]*"))[0]
    assert portal.seen(link) is not None
    assert portal.session(session) is not None


def test_the_counts_are_those_of_the_store(installed, made):
    files = installed.back_up()

    assert installed.restore(files) == Counts(objects=5, versions=2, keks=5, scopes=4, bindings=1, entries=17)
    assert installed.findings == []


def test_an_empty_store_is_restored(installed):
    assert installed.restore(installed.back_up()) == Counts(entries=1)


def test_a_restored_store_can_be_backed_up_and_restored(installed, made):
    installed.restore(installed.back_up())
    installed.settings, installed.other_url = installed.there, installed.settings.store_url
    installed.empty_the_other()

    assert installed.restore(installed.back_up()).objects == 5


def dump(links):
    """What each key holds, in the store's own form; of the directory, the organizations."""
    passing = (b"}:g", b"}:i:", b"}:z")
    return {key: held(links, key) for key in links.scan(b"*") if not any(each in key for each in passing)}


def held(links, key):
    if b"}:d:" in key:
        return sorted(links.call((b"HKEYS", key))[0])
    if any(each in key for each in (b"}:v:", b"}:b:", b"}:q", b"}:u:")):  # a hash has no order
        flat = links.call((b"HGETALL", key))[0]
        return {field: raw for field, raw in zip(flat[::2], flat[1::2], strict=True) if field != WHOLE}
    if b"}:ul:" in key:
        return links.call((b"XRANGE", key, b"-", b"+"))[0]
    return links.call((b"DUMP", key))[0]
