"""IdempotentRequests: how long a request is remembered, and how long it may be on its way."""

import pytest

from sealring.domain.idempotency import IdempotentOutcome, IdempotentRequest
from support.make import ACME, ENVIRONMENT

STARTED = 1_700_000_000_000_000  # microseconds


def outcome(*, committed):
    return IdempotentOutcome(committed, STARTED, bytes(16), bytes(16), ACME)


@pytest.mark.parametrize(("name", "seconds"), [("key-1", 86_400), ("", 120)])
def test_a_request_with_a_name_is_remembered_for_a_day_and_one_without_for_two_minutes(name, seconds):
    assert IdempotentRequest(ENVIRONMENT, "urn:test|alice", name, b"POST /kv", b"POST /kv {}").kept_s == seconds


@pytest.mark.parametrize(("after_s", "runs"), [(0, True), (9.999999, True), (10, False), (86_400, False)])
def test_a_write_may_be_on_its_way_for_ten_seconds(after_s, runs):
    assert outcome(committed=False).runs(STARTED + int(after_s * 1e6)) is runs


def test_a_write_that_is_committed_is_not_on_its_way():
    assert not outcome(committed=True).runs(STARTED)
