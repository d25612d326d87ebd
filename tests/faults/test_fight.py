"""Whatever breaks, no client is told what is not so."""

import pytest

from faults.fight import Plan, fight
from faults.linearizable import Outcome
from faults.proxy import Fault
from faults.stored import repeated

SHORT = Plan(clients=4, names=6, seconds=6)
LONG = Plan(clients=6, names=30, seconds=60, longest_pause_s=3)


@pytest.fixture(
    scope="module", params=[pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.torture)]
)
def report(request, tmp_path_factory):
    return fight(tmp_path_factory.mktemp("fight"), request.param)


def test_everything_broke_and_the_clients_went_on(report):
    outcomes = [each.outcome for each in report.operations]

    assert set(report.deeds) == {"hang_up", "kill_worker", "kill_store", "pause_store", "freeze"}
    assert set(report.faults) == set(Fault)
    assert set(outcomes) >= {Outcome.OK, Outcome.NOT_FOUND, Outcome.CONFLICT, Outcome.UNKNOWN}
    assert outcomes.count(Outcome.OK) > 100


def test_no_answer_is_one_that_no_client_should_get(report):
    assert report.surprises == []


def test_what_clients_were_told_of_a_name_could_have_come_from_one_copy(report):
    assert report.lies == {}


def test_every_acknowledged_write_is_stored(report):
    assert report.lost == []


def test_names_indexes_versions_and_tombstones_agree(report):
    assert report.stored.contradictions == []


def test_no_request_changed_anything_twice(report):
    assert repeated(report.stored.changes) == {}


def test_the_audit_log_tells_of_every_change_and_of_no_other(report):
    changed = {each.request for each in report.stored.changes}
    writes = [each for each in report.operations if each.kind not in {"read", "find"}]

    untold = [each for each in writes if each.outcome is Outcome.OK and each.kind != "restore"]  # a live one stays
    invented = [each for each in writes if each.outcome not in {Outcome.OK, Outcome.UNKNOWN}]

    assert [each for each in untold if each.request not in changed] == []
    assert [each for each in invented if each.request in changed] == []
