"""Operations: a write that never ended is on its way for as long as it may be, and no longer."""

import pytest

from sealring.domain.idempotency import IdempotentOutcome, IdempotentRequest
from sealring.services.operations import Progress
from support.make import ACME, ENVIRONMENT, caller, services
from support.stores import memory

ME = caller(ACME)
INTENT = IdempotentRequest(ENVIRONMENT, ME.principal.actor, "key-1", b"POST /kv", bytes(16))


@pytest.mark.parametrize(
    ("ago_s", "progress"),
    [(1, Progress.RUNNING), (9, Progress.RUNNING), (10, Progress.NOT_FOUND), (60, Progress.NOT_FOUND)],
)
def test_a_write_that_never_ended_is_running_for_ten_seconds(ago_s, progress):
    store = memory()
    began = store.objects.now() - ago_s * 1_000_000
    store.idempotency._outcomes[INTENT] = IdempotentOutcome(False, began, bytes(16), bytes(16), ACME)

    operation = services(store).operations.find(ME, "key-1")

    assert operation.progress is progress
    assert operation.outcome is None
