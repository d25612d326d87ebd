"""A machine loses power: what was acknowledged is there when it is back."""

import sys
from functools import partial

import pytest

from faults.fight import Plan, fight
from faults.linearizable import Outcome
from faults.power import PoweredStore, install_shim
from sealring.operator import embedded
from support.waiting import pause

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(sys.platform != "linux", reason="the shim is for Linux"),
]

CUTS = 3


def cut_power(killer, seconds, _longest_pause_s, *, sync):
    for _ in range(CUTS):
        killer.store.sync(sync)
        pause(seconds / CUTS)
        killer.store.lose_power()
        killer.store.start()


@pytest.fixture
def fight_with_power_cuts(tmp_path, monkeypatch):
    """Fights with a store that syncs in a given way."""
    record = tmp_path / "synced"
    monkeypatch.setenv(embedded.BINARY_VARIABLE, str(install_shim(tmp_path, record)))

    def run(sync):
        plan = Plan(
            clients=4,
            names=6,
            seconds=9,
            store=partial(PoweredStore, record=record),
            harm=partial(cut_power, sync=sync),
        )
        return fight(tmp_path / "fight", plan)

    return run


def test_with_appendfsync_always_no_acknowledged_write_is_lost(fight_with_power_cuts):
    report = fight_with_power_cuts("always")

    assert report.lost == []
    assert report.lies() == {}
    assert report.stored.contradictions == []
    assert sum(each.outcome is Outcome.OK for each in report.operations) > 200


def test_with_appendfsync_everysec_some_are(fight_with_power_cuts):
    """Otherwise the test above could not fail."""
    report = fight_with_power_cuts("everysec")

    assert report.lost
    assert report.lies()
