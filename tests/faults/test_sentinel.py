"""Failovers by Sentinels lose no acknowledged write where the settings are strong, and some where they are not."""

import sys

import pytest

from faults.namespaces import network, why_not
from faults.sentinel import GUARDED, UNGUARDED, failover, killed, parted, paused

NO_NAMESPACES = why_not()


@pytest.fixture
def tell(capsys):
    """Print a report, whether or not the test fails."""

    def printed(report):
        with capsys.disabled():
            sys.stderr.write(f"\n{report}\n")

    return printed


@pytest.fixture
def apart():
    """Three hosts, each in a network namespace of its own."""
    if NO_NAMESPACES:
        pytest.skip(NO_NAMESPACES)
    with network(3) as hosts:
        yield hosts


def test_a_primary_that_is_killed_loses_nothing(tmp_path, tell):
    report = failover(tmp_path, killed, GUARDED)

    tell(report)
    assert report.lost == []
    assert report.surprises == []
    assert len(report.acknowledged) > 100


@pytest.mark.torture
@pytest.mark.parametrize("fault", [killed, paused, parted])
def test_strong_settings_lose_nothing(tmp_path, apart, fault, tell):
    report = failover(tmp_path, fault, GUARDED, apart)

    tell(report)
    assert report.lost == []
    assert report.surprises == []
    assert "NotFound" not in report.refused


@pytest.mark.torture
@pytest.mark.parametrize("fault", [killed, paused])
def test_what_is_lost_without_them(tmp_path, apart, fault, tell):
    tell(failover(tmp_path, fault, UNGUARDED, apart))


@pytest.mark.torture
def test_without_them_a_partition_loses_writes_or_this_harness_would_not_notice(tmp_path, apart, tell):
    report = failover(tmp_path, parted, UNGUARDED, apart)

    tell(report)
    assert len(report.lost) > 0
