"""Whatever breaks, no client is told what is not so."""

from collections import Counter

import pytest

from faults.fight import Plan, fight
from faults.linearizable import Outcome
from faults.proxy import Fault
from faults.stored import repeated
from sdk.versions import SDKS

NEWEST = tuple(sdk for sdk in SDKS if sdk.id in {"python-10.8.0", "node-11.0.0"})
SHORT = Plan(clients=4, names=6, seconds=6)
LONG = Plan(clients=4, names=20, seconds=60, longest_pause_s=3, sdks=NEWEST)


@pytest.fixture(scope="module")
def short_fight(tmp_path_factory):
    return fight(tmp_path_factory.mktemp("fight"), SHORT)


@pytest.fixture(scope="module")
def long_fight(tmp_path_factory):
    return fight(tmp_path_factory.mktemp("fight"), LONG)


@pytest.fixture(
    params=[pytest.param("short_fight", id="short"), pytest.param("long_fight", id="long", marks=pytest.mark.torture)]
)
def report(request):
    return request.getfixturevalue(request.param)


def test_everything_broke_and_the_clients_went_on(report):
    outcomes = [each.outcome for each in report.operations]

    assert set(report.deeds) == {"hang_up", "kill_worker", "kill_store", "pause_store", "freeze"}
    assert set(report.faults) == set(Fault)
    assert set(outcomes) >= {Outcome.OK, Outcome.NOT_FOUND, Outcome.CONFLICT, Outcome.UNKNOWN}
    assert outcomes.count(Outcome.OK) > 30  # how many there are is up to what else the machine does


def test_no_answer_is_one_that_no_client_should_get(report):
    assert {kind: told.surprises for kind, told in report.told.items() if told.surprises} == {}


def test_what_clients_were_told_of_a_name_could_have_come_from_one_copy(report):
    assert report.lies() == {}


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


# --- the official SDKs, with the retries of their own

each_sdk = pytest.mark.parametrize("sdk", NEWEST, ids=[sdk.id for sdk in NEWEST])


@pytest.mark.torture
@each_sdk
def test_no_sdk_is_told_that_the_name_exists_which_it_took_itself(sdk, long_fight):
    histories = long_fight.told[sdk.id].histories.values()
    creates = [each for history in histories for each in history if each.kind == "create"]

    assert [each for each in creates if each.outcome is Outcome.CONFLICT] == []
    assert sum(each.outcome is Outcome.OK for each in creates) > 10


@pytest.mark.torture
@each_sdk
def test_what_an_sdk_was_told_could_have_come_from_one_copy(sdk, long_fight):
    assert long_fight.lies(sdk.id) == {}


@pytest.mark.torture
@each_sdk
def test_no_write_of_an_sdk_is_done_twice(sdk, long_fight):
    names = long_fight.told[sdk.id].histories
    made = Counter(record.name for record in long_fight.stored.records if record.name in names)

    assert {name: times for name, times in made.items() if times > 1} == {}
    assert {of: values for of, values in long_fight.values.items() if len(set(values)) < len(values)} == {}
    assert long_fight.values
