"""What a benchmark makes of its samples: medians, intervals, ratios, and how many refusals it bears."""

import random

import pytest
from failures import BenchmarkFailed
from interpreter import Interpreter, built_with
from intervals import Estimate, ratios
from refusals import Tally


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (1, None, None),
        (5, None, None),  # all on one side in 2 of 32 runs
        (6, 1, 6),
        (8, 1, 8),
        (9, 2, 8),
        (12, 3, 10),
        (15, 4, 12),
        (20, 6, 15),
        (100, 40, 61),
    ],
)
def test_the_interval_of_a_median_is_between_the_samples_of_the_sign_test(count, low, high):
    samples = [float(number) for number in range(1, count + 1)]
    random.Random(7).shuffle(samples)

    assert Estimate.of(samples) == Estimate((count + 1) / 2, low, high)


def test_an_interval_holds_the_true_median_in_95_of_100_runs():
    draws = random.Random(11)
    estimates = [Estimate.of([draws.expovariate(1.0) for _ in range(12)]) for _ in range(2_000)]

    held = sum(each.low <= 0.6931 <= each.high for each in estimates)  # ln 2

    assert 0.95 <= held / 2_000 <= 0.98


def test_an_interval_is_shown_or_how_many_rounds_it_takes():
    assert Estimate(1200.4, 1100.2, 1300.5).interval() == "1,100-1,300"
    assert Estimate(0.5, 0.451, 0.549).interval(2) == "0.45-0.55"
    assert Estimate(0.5, None, None).interval(2) == "needs 6 rounds"


def test_a_ratio_is_of_one_round():
    assert ratios([10.0, 30.0], [20.0, 40.0]) == [0.5, 0.75]


def test_rounds_that_one_side_lacks_are_no_ratio():
    with pytest.raises(ValueError):
        ratios([10.0], [20.0, 40.0])


@pytest.mark.parametrize(
    ("requests", "refused", "broken", "at_most", "done"),
    [
        (1000, 0, 0, 0.0, 1000),
        (1000, 10, 0, 0.01, 990),
        (995, 5, 5, 0.01, 990),
        (1, 0, 0, 0.0, 1),
    ],
)
def test_a_peer_may_refuse_a_request_now_and_then(requests, refused, broken, at_most, done):
    tally = Tally.of({"requests": requests, "refused": refused, "broken": broken})

    tally.check(at_most)

    assert tally.done == done


@pytest.mark.parametrize(
    ("requests", "refused", "broken", "at_most"),
    [(1000, 1, 0, 0.0), (1000, 0, 1, 0.0), (1000, 11, 0, 0.01), (990, 1, 10, 0.01), (0, 0, 0, 0.01), (5, 5, 0, 1.0)],
)
def test_a_run_of_more_refusals_is_none(requests, refused, broken, at_most):
    with pytest.raises(BenchmarkFailed, match="requests were refused, [0-9]+ lost"):
        Tally.of({"requests": requests, "refused": refused, "broken": broken}).check(at_most)


def test_refusals_are_shown():
    assert str(Tally(1000, 0)) == "0"
    assert str(Tally(20_000, 30)) == "30 (0.15%)"


@pytest.mark.parametrize(
    ("arguments", "flags", "profiled", "whole"),
    [
        ("", "", False, False),
        ("'--enable-optimizations' '--with-lto'", "", True, True),
        ("'--enable-optimizations' '--with-lto=thin'", "", True, True),
        ("'--with-lto=no' '--prefix=/usr'", "", False, False),
        ("'--without-lto'", "-O3 -Wall", False, False),
        ("", "-O3 -fprofile-use -fprofile-correction -flto=auto", True, True),  # built without configure's options
        ("'CFLAGS=-O2 --with-lto'", "", False, False),
    ],
)
def test_how_an_interpreter_was_built_is_read_from_its_flags(arguments, flags, profiled, whole):
    assert built_with(arguments, flags) == (profiled, whole)


def test_the_interpreter_is_named_with_how_it_was_built():
    said = str(Interpreter("CPython 3.13.1", "GCC 14", profiled=True, link_time=False, path="/usr/bin/python3"))

    assert said == "CPython 3.13.1 (GCC 14, with PGO, WITHOUT LTO)"
    assert str(Interpreter.here()).startswith("CPython 3.")
