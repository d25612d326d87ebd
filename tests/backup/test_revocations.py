"""Revocations are in a backup, whatever is revoked while it is made, and in force where it is restored."""

import pytest

from backup.kit import updated
from backup.writers import Meddling
from sealring.auth.revoked import RevokedTokens
from sealring.domain.events import Action
from sealring.domain.ids import NO_ORG
from sealring.domain.principal import Permission, Principal
from sealring.errors import IntegrityFailure, Unauthenticated
from sealring.server import wiring
from sealring.store.backup.entries import EventEntry, RevocationsEntry
from sealring.store.backup.partition_reader import PartitionReader
from sealring.store.schema.audit_entry import decode_fields
from sealring.store.schema.keyspace import Kind
from support.make import ACME, caller, context
from support.revocations import ISSUER, begin, revoke, subject, token

ME = caller(ACME)


@pytest.fixture
def environment(installed):
    (environment,) = installed.settings.environments
    return environment


def revocations(opened):
    return wiring.Stores.on(opened.parts).revocations


@pytest.fixture
def made(opened, environment):
    return {revoke(revocations(opened), each, environment=environment) for each in (token("t1"), subject("billing"))}


def restored(installed):
    return installed.opened(installed.there)


def bearer(environment, **changes):
    permissions = frozenset(Permission)
    return Principal(ISSUER, "alice", "alice", environment, frozenset(), permissions, **changes)


def test_what_was_revoked_is_revoked_where_it_is_restored(installed, made, environment):
    counts = installed.restore(installed.back_up())

    with restored(installed) as there:
        assert set(revocations(there).load(environment)) == made
        revoked = RevokedTokens(revocations(there))
        with pytest.raises(Unauthenticated):
            revoked.refuse(bearer(environment, token_id="t1"))
        revoked.refuse(bearer(environment, token_id="t2"))
    assert counts.revocations == 2
    assert installed.findings == []


def test_where_nothing_was_revoked_there_is_a_list_after_a_restore(installed, environment):
    installed.restore(installed.back_up())

    with restored(installed) as there:
        assert list(revocations(there).load(environment)) == []
    assert installed.findings == []


def test_tokens_can_be_revoked_in_a_restored_store(installed, made, environment):
    installed.restore(installed.back_up())

    with restored(installed) as there:
        revoke(revocations(there), token("t2"), environment=environment)

        assert len(revocations(there).load(environment)) == 3


def test_a_list_that_was_altered_is_restored_as_it_was_and_told(installed, opened, made, environment):
    key = opened.parts.keyspace.revocations(environment)
    opened.links.call((b"HDEL", key, b""))

    installed.restore(installed.back_up())

    assert installed.findings == [f"{environment}: its revocations were altered (the revocations are not all of them)"]
    with restored(installed) as there, pytest.raises(IntegrityFailure):
        revocations(there).load(environment)


def test_a_backup_of_a_time_without_the_environment_is_told_when_it_is_restored(installed, opened, environment):
    opened.links.call((b"DEL", opened.parts.keyspace.revocations(environment)))

    installed.restore(installed.back_up())

    assert installed.findings == [f"{environment}: it has no list of revocations"]


def test_what_is_revoked_while_a_partition_is_read_is_in_it_with_the_event_of_it(opened, made, environment):
    """Whenever it happens: the list that counts is the one that the events tell of."""
    keyspace = opened.parts.keyspace
    partition = keyspace.partition(environment, NO_ORG)
    numbers = iter(range(4))

    def meddle():
        for number in numbers:
            revoke(revocations(opened), token(f"late {number}"), environment=environment)
            return

    with opened.links.borrow(keyspace.audit(partition)) as link:
        reader = PartitionReader(Meddling(link, meddle), opened.parts, partition, lambda _: None)
        entries = list(reader.entries())

    lists = [each for each in entries if isinstance(each, RevocationsEntry)]
    assert len(lists) >= 2
    events = [each.parts for each in entries if isinstance(each, EventEntry)]
    told = sum(
        decode_fields(opened.parts.keys, partition, each).event.action is Action.TOKEN_REVOKED for each in events
    )
    assert told > 2  # what was made before, and some of what was made meanwhile
    assert len(lists[-1].parts[::2]) == 1 + told  # with the seal
    assert reader.tally.counts.revocations == told


def test_a_list_that_was_begun_while_a_partition_is_read_is_in_it(opened, environment):
    keyspace = opened.parts.keyspace
    other = environment[:-1] + ("1" if environment.endswith("0") else "0")
    partition = keyspace.partition(other, NO_ORG)
    once = iter([other])

    def meddle():
        for each in once:
            begin(revocations(opened), each)

    with opened.links.borrow(keyspace.audit(partition)) as link:
        reader = PartitionReader(Meddling(link, meddle), opened.parts, partition, lambda _: None)
        entries = list(reader.entries())

    assert other.encode() in {each.rest for each in entries if isinstance(each, RevocationsEntry)}


def test_a_list_in_another_partition_than_its_own_is_found(installed, opened, made, environment):
    keyspace = opened.parts.keyspace
    elsewhere = 1 - keyspace.partition(environment, NO_ORG)
    key = keyspace.revocations(environment)
    opened.links.call((b"COPY", key, keyspace.key(elsewhere, Kind.REVOCATIONS, environment.encode())))

    assert installed.verify() == [f"partition {elsewhere}: revocations of another type, or without an environment"]


def test_other_changes_leave_the_list_alone(installed, opened, made, environment):
    record = opened.use.objects.create(ME, name="name", value="one", context=context())
    updated(opened.use, ME, record, "two")

    assert set(revocations(opened).load(environment)) == made
    assert installed.verify() == []
