"""Idempotency: a request writes only once, however often its client sends it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from sealring.domain.ids import EnvironmentId, OrgId

NAMED_FOR_S = 24 * 3600  # how long an Idempotency-Key is remembered
NAMELESS_FOR_S = 120  # how long a client that sends no Idempotency-Key may take to retry
RUNS_FOR_S = 10  # a request that has not committed by then never will

MAX_NAME_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """The identity of a request, by which its retries are recognised; of one principal in one environment."""

    environment: EnvironmentId
    actor: str
    name: str = field(repr=False)  # the Idempotency-Key; empty: the fingerprint is the name
    place: bytes = field(repr=False)  # method and path
    fingerprint: bytes = field(
        repr=False
    )  # 16 bytes; keyed, of method, path, query and body; if nameless, also of the sender
    nameless: IdempotentRequest | None = None  # the same request, as if sent without a name

    def of_item(self, index: int) -> Self:
        """Return the identity of one item of a batch. Its name is its own, so that no item waits for another."""
        return replace(self, name=f"{self.name}/{index}")

    @property
    def kept_s(self) -> int:
        return NAMED_FOR_S if self.name else NAMELESS_FOR_S


@dataclass(frozen=True, slots=True)
class IdempotentOutcome:
    """The known outcome of a request: only ids, never a value."""

    committed: bool
    started_at: int  # microseconds
    operation: bytes  # 16 bytes; the write that the request made; zeros while it runs
    fingerprint: bytes  # 16 bytes; keyed, of the request
    org: OrgId
    object_id: bytes = bytes(16)
    version_id: bytes = bytes(16)

    def runs(self, now: int) -> bool:
        """Whether the request may still be running at `now`, in microseconds."""
        return not self.committed and now - self.started_at < RUNS_FOR_S * 1_000_000
