"""Idempotency: one write that a client wants, however often its request is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from sealring.domain.ids import EnvironmentId, OrgId

NAMED_FOR_S = 24 * 3600  # how long an Idempotency-Key is remembered
NAMELESS_FOR_S = 120  # how long a client that sends none may take to repeat its request
RUNS_FOR_S = 10  # a request that has not committed by then never will

MAX_NAME_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """What tells the repetition of a request from another request, of one principal in one environment."""

    environment: EnvironmentId
    actor: str
    name: str = field(repr=False)  # the Idempotency-Key; empty: the request itself is its name
    place: bytes = field(repr=False)  # method and path
    fingerprint: bytes = field(repr=False)  # 16 bytes; keyed, of method, path, query and body; if nameless, of more
    nameless: IdempotentRequest | None = None  # the same request, as its client may have sent it without a name

    @property
    def kept_s(self) -> int:
        return NAMED_FOR_S if self.name else NAMELESS_FOR_S


@dataclass(frozen=True, slots=True)
class IdempotentOutcome:
    """What is known of an idempotent. Ids alone, never a value."""

    committed: bool
    started_at: int  # microseconds
    operation: bytes  # 16 bytes; the write that it became
    fingerprint: bytes  # 16 bytes; keyed, of the request
    org: OrgId
    object_id: bytes = bytes(16)
    version_id: bytes = bytes(16)

    def runs(self, now: int) -> bool:
        """Whether it may be on its way still, at `now` in microseconds."""
        return not self.committed and now - self.started_at < RUNS_FOR_S * 1_000_000
