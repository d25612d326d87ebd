"""The circuit of one key, by a clock that stands still."""

import pytest

from sealring.errors import KeyDisabled, KeyThrottled, KeyUnavailable
from sealring.providers.circuit import Circuit
from support.clock import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def circuit(clock):
    return Circuit(clock)


def call(circuit, failure=None):
    circuit.enter()
    circuit.record(failure)
    circuit.leave()


def test_calls_pass_while_all_is_well(circuit):
    for _ in range(100):
        call(circuit)


def test_an_owners_no_is_the_answer_for_five_seconds(circuit, clock):
    call(circuit, KeyDisabled("disabled"))
    clock.now += 4.9

    with pytest.raises(KeyDisabled, match="disabled"):
        circuit.enter()


def test_after_five_seconds_one_call_decides(circuit, clock):
    call(circuit, KeyDisabled("disabled"))
    clock.now += 5

    circuit.enter()

    with pytest.raises(KeyDisabled):
        circuit.enter()


def test_a_call_that_goes_well_closes_it(circuit, clock):
    call(circuit, KeyDisabled("disabled"))
    clock.now += 5
    call(circuit)

    call(circuit)


def test_a_call_that_fails_keeps_it_open(circuit, clock):
    call(circuit, KeyDisabled("disabled"))
    clock.now += 5
    call(circuit, KeyDisabled("disabled"))

    with pytest.raises(KeyDisabled):
        circuit.enter()


def test_four_outages_do_not_open_it(circuit):
    for _ in range(4):
        call(circuit, KeyUnavailable("away"))

    call(circuit)


def test_five_outages_in_a_row_open_it(circuit):
    for _ in range(5):
        call(circuit, KeyUnavailable("away"))

    with pytest.raises(KeyUnavailable):
        circuit.enter()


def test_a_success_between_outages_starts_the_count_anew(circuit):
    for _ in range(4):
        call(circuit, KeyUnavailable("away"))
    call(circuit)
    for _ in range(4):
        call(circuit, KeyUnavailable("away"))

    call(circuit)


def test_throttling_is_no_outage(circuit):
    for _ in range(20):
        call(circuit, KeyThrottled("slow down"))

    call(circuit)


def test_eight_calls_at_once_pass_and_no_more(circuit):
    for _ in range(8):
        circuit.enter()

    with pytest.raises(KeyThrottled):
        circuit.enter()
    circuit.leave()
    circuit.enter()
