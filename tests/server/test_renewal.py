"""Renewal: what every request needs is read again, and what cannot be read is told, but not each time."""

import io
import json

import pytest

from sealring.observability.logs import Log
from sealring.server import renewal
from sealring.server.renewal import Renewal
from support.waiting import becomes_true


@pytest.fixture
def output():
    return io.StringIO()


def told(output):
    return [json.loads(line)["message"] for line in output.getvalue().splitlines()]


def test_it_is_read_once_before_the_start_ends_and_then_again_and_again(output):
    read = []

    Renewal(lambda: read.append(1) or [], 0.01, Log(output)).start()

    assert read
    assert becomes_true(lambda: len(read) > 3)


def test_a_defect_does_not_end_the_thread(output):
    read = []

    def renew():
        read.append(1)
        if len(read) == 2:
            raise ZeroDivisionError
        return []

    Renewal(renew, 0.01, Log(output)).start()

    assert becomes_true(lambda: len(read) > 3)
    assert "renewal failed" in output.getvalue()


def test_the_same_lines_are_told_once_in_a_while(output, monkeypatch):
    work = Renewal(lambda: ["it is altered"], 1, Log(output))
    for _ in range(3):
        work.once()
    assert told(output) == ["it is altered"]

    monkeypatch.setattr(renewal, "QUIET_S", 0)
    work.once()

    assert told(output) == ["it is altered"] * 2


def test_other_lines_and_lines_that_come_back_are_told_at_once(output):
    lines = iter([["one"], ["two"], [], ["two"]])
    work = Renewal(lambda: next(lines), 1, Log(output))

    for _ in range(4):
        work.once()

    assert told(output) == ["one", "two", "two"]
