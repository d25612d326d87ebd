"""Revocations are kept by every store, in their environment and with their event."""

from contextlib import closing

import pytest

from faults.proxy import Fault, FaultProxy, Script
from sealring.domain.events import Action, Event
from sealring.domain.ids import NO_ORG
from sealring.domain.ports import RevocationChange
from sealring.domain.revocation import Revocation
from sealring.errors import IntegrityFailure, StoreUnavailable
from sealring.store.connection.links import Links
from sealring.store.schema.audit_entry import decode_entry
from support.make import ENVIRONMENT, OTHER_ENVIRONMENT
from support.replication import name_primary, running_node, running_sentinel, url_of
from support.revocations import ORIGIN, begin, begun, everything, in_memory, key_of, on_links, revoke, subject, token
from support.stores import KEYS, fake_links

LINKS = {"valkey": "links", "acl": "acl_links", "cluster": "cluster_links"}

# --- what every store promises


@pytest.fixture(params=["memory", "fakeredis", *LINKS])
def store(request):
    """An empty store of each kind, with a list for two environments."""
    if request.param == "memory":
        made = in_memory()
    elif request.param == "fakeredis":
        made = on_links(fake_links(), partitions=4)
    else:
        made = on_links(request.getfixturevalue(LINKS[request.param]), partitions=4)
    return begun(made, ENVIRONMENT, OTHER_ENVIRONMENT)


def test_an_environment_begins_with_none(store):
    assert list(store.load(ENVIRONMENT)) == []


def test_what_is_revoked_is_loaded(store):
    by_id, by_subject = revoke(store, token("t1")), revoke(store, subject("billing"), 1_000)

    assert set(store.load(ENVIRONMENT)) == {by_id, by_subject}


def test_what_does_not_stay_is_dropped(store):
    revoke(store, token("t1"))
    revoke(store, subject("billing"))

    made = revoke(store, everything())

    assert list(store.load(ENVIRONMENT)) == [made]


def test_an_environment_has_none_of_another(store):
    revoke(store, token("t1"), environment=OTHER_ENVIRONMENT)

    assert list(store.load(ENVIRONMENT)) == []


def test_a_whole_list_is_not_begun_anew(store):
    made = revoke(store, token("t1"))

    assert begin(store) is False

    assert list(store.load(ENVIRONMENT)) == [made]


def test_a_list_that_has_not_changed_is_the_same_object(store):
    revoke(store, token("t1"))

    assert store.load(ENVIRONMENT) is store.load(ENVIRONMENT)


def test_an_environment_without_a_list_is_not_one_without_revocations(store):
    unknown = ENVIRONMENT[:-1] + "9"

    for ask in (lambda: store.load(unknown), lambda: revoke(store, token("t1"), environment=unknown)):
        with pytest.raises(IntegrityFailure) as refused:
            ask()
        assert refused.value.reason == "no list of revocations"


# --- what is stored with it


def events_of(links):
    entries = links.call((b"XRANGE", b"s1:{0}:a", b"-", b"+"))[0]
    return [decode_entry(KEYS, 0, body).event for _, (_, body) in entries]


def test_each_change_is_in_the_audit_log(links):
    store = begun(on_links(links))
    revoke(store, token("t1"))
    revoke(store, subject("billing"), 1_000)

    assert [(each.action.value, each.name, each.detail) for each in events_of(links)] == [
        ("vault.token.revocations_begun", "", ""),
        ("vault.token.revoked", "urn:test|t1", "token"),
        ("vault.token.revoked", "urn:test|billing", "subject before 1970-01-01T00:16:40Z"),
    ]
    assert {(each.environment, each.org) for each in events_of(links)} == {(ENVIRONMENT, NO_ORG)}


def test_the_longest_of_what_a_token_may_say_can_be_revoked(links):
    store = begun(on_links(links))

    made = {revoke(store, each("\U0001f511" * 255, "https://" + "i" * 2_000)) for each in (token, subject)}

    assert set(store.load(ENVIRONMENT)) == made


def test_neither_an_id_nor_a_subject_stands_in_the_name_of_a_key_or_field(links):
    revoke(begun(on_links(links)), subject("billing"))
    revoke(on_links(links), token("the-id"))

    names = [*links.scan(b"*"), *links.call((b"HKEYS", key_of()))[0]]

    assert [name for name in names if b"billing" in name or b"the-id" in name] == []


def test_a_revocation_whose_reply_was_lost_is_known_as_our_own(links, valkey):
    begun(on_links(links))
    proxy = FaultProxy(valkey, Script(b"EXEC", Fault.LOSE))
    with closing(Links.to(f"redis://{proxy.address}")) as through:
        made = revoke(on_links(through), token("t1"))
    proxy.close()

    assert proxy.made == {Fault.LOSE: 1}
    assert list(on_links(links).load(ENVIRONMENT)) == [made]
    assert [each.action for each in events_of(links)].count(Action.TOKEN_REVOKED) == 1


def test_a_beginning_whose_reply_was_lost_is_known_as_our_own(links, valkey):
    proxy = FaultProxy(valkey, Script(b"EXEC", Fault.LOSE))
    with closing(Links.to(f"redis://{proxy.address}")) as through:
        assert begin(on_links(through)) is True
    proxy.close()

    assert len(events_of(links)) == 1


def test_a_list_that_was_begun_and_used_meanwhile_is_not_begun_anew(links, valkey):
    rivals = iter([on_links(links)])

    def rival(request):
        for store in rivals if b"EXEC" in request else ():  # once, between our reading and our EXEC
            revoke(begun(store), token("t1"))

    proxy = FaultProxy(valkey, rival)
    with closing(Links.to(f"redis://{proxy.address}")) as through:
        assert begin(on_links(through)) is False
    proxy.close()

    assert [each.target.of for each in on_links(links).load(ENVIRONMENT)] == ["t1"]


def test_two_revocations_at_once_are_both_kept(links):
    rival, store = on_links(links), begun(on_links(links))  # whoever comes later marks the store once more
    event = Event(Action.TOKEN_REVOKED, ENVIRONMENT, NO_ORG, ORIGIN)
    targets = iter([token("t2")])

    def decide(found, now):
        for target in targets:  # once, between our reading and our EXEC
            revoke(rival, target)
        return RevocationChange(Revocation(token("t1"), 1, now, now), found, event)

    store.change(ENVIRONMENT, decide)

    assert {each.target.of for each in store.load(ENVIRONMENT)} == {"t1", "t2"}


def test_a_primary_that_was_cut_off_is_not_believed_to_know_all(tmp_path):
    with running_node(tmp_path / "old") as old, running_node(tmp_path / "new") as new:
        new.follow(old)
        with (
            running_sentinel(tmp_path / "sentinel", old) as sentinel,
            closing(Links.to(url_of(sentinel), replicas=1)) as links,
            running_node(tmp_path / "third") as third,
        ):
            worker = begun(on_links(links))
            new.lead()
            third.follow(new)
            with closing(Links.to(f"redis://{new.address}", replicas=1)) as elsewhere:
                made = revoke(on_links(elsewhere), token("t1"))

            with pytest.raises(StoreUnavailable):
                worker.load(ENVIRONMENT)
            name_primary(sentinel, new)
            assert list(worker.load(ENVIRONMENT)) == [made]
