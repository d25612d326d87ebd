"""The sweep finds each kind of damage, and none in a store that is whole."""

from dataclasses import replace

import pytest

from backup.damage import NAME, VALUE, Damage
from backup.damaged_keyrings import KEYRINGS
from backup.damaged_keys import KEYS, lost_kek, rewritten
from backup.damaged_limits import LIMITS
from backup.damaged_objects import OBJECTS, altered_record, altered_version, name_of_another, not_in_its_organization
from backup.damaged_portal import PORTAL
from backup.damaged_revocations import REVOCATIONS
from backup.writers import Writers
from sealring.store.schema.keyspace import Kind, parse_key
from sealring.store.verify.pointers import PointerSweep
from support.make import ACME, BETA, caller, context


@pytest.fixture
def partitions():
    """One, so that all objects are in it."""
    return 1


@pytest.fixture
def damage(installed, opened):
    return Damage(installed, opened)


@pytest.mark.parametrize("harm", [*OBJECTS, *KEYS, *REVOCATIONS, *LIMITS, *KEYRINGS, *PORTAL])
def test_damage_is_found_and_nothing_else(installed, damage, harm):
    expected = harm(damage)

    assert installed.verify() == sorted(expected)


@pytest.mark.parametrize("unwrap", [False, True])
def test_a_store_that_is_whole_has_no_findings(installed, damage, unwrap):
    assert installed.verify(unwrap=unwrap) == []


def test_a_value_that_does_not_open_is_found_by_opening_it(installed, damage):
    sealed = damage.mine.current.envelope.ciphertext
    damage.rewrite(ciphertext=sealed[:-1] + bytes((sealed[-1] ^ 1,)))

    assert installed.verify() == []
    assert installed.verify(unwrap=True) == [f"{damage.mine.id}: one of its versions does not open (IntegrityFailure)"]


def test_a_key_that_cannot_be_used_is_found_by_using_it(installed, damage):
    """Its material was altered, under a MAC that is right."""
    broken = replace(damage.kek, material=bytes(60))
    rewritten(damage, damage.kek_id, broken)

    assert installed.verify() == []
    assert len(installed.verify(unwrap=True)) == 4


def test_findings_quote_no_name_value_or_organization(installed, damage):
    found = []
    for harm in (altered_record, name_of_another, not_in_its_organization, altered_version, lost_kek):
        harm(damage)
        found += installed.verify(unwrap=True)

    said = "\n".join(found)
    assert [text for text in (NAME, VALUE, ACME, BETA) if text in said] == []
    assert len(found) > 5


def test_what_was_written_after_the_objects_were_looked_at_is_looked_at_again(damage):
    """A sweep that saw all that leads to objects, and none of them."""
    with damage.opened.links.borrow(damage.key) as link:
        sweep = PointerSweep(link, damage.opened.parts, 0)
        for kind, rest in map(parse_key, link.scan(b"s1:{0}:*")):
            if kind is Kind.NAME:
                sweep.add_names([rest])
            elif kind in {Kind.VERSIONS, Kind.SUMMARIES}:
                sweep.add_histories([rest])
            elif kind in {Kind.ORG_INDEX, Kind.ENVIRONMENT_INDEX}:
                sweep.add_indexes(kind, [rest])

        assert list(sweep.findings()) == []


def test_a_store_that_is_being_written_has_no_findings(installed, opened):
    orgs = ["org_1", "org_2"]
    for org in orgs:
        for name in ("first", "second"):
            opened.use.objects.create(caller(org), name=name, value="0", context=context(organization_id=org))

    with Writers(installed, orgs) as writers:
        found = [finding for _ in range(4) for finding in installed.verify(unwrap=True)]

    assert writers.failures == []
    assert found == []
