"""Checks of a customer's key while they run: which probes were made, and which problems each found."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, Self

from sealring.domain.ids import EnvironmentId, OrgId

_RUN_BYTES = 8
_TEXT = re.compile(
    r"(?P<id>[0-9a-f]{32}) (?P<run>[0-9a-f]{16}) (?P<end>[a-z]{0,16})"
    r"(?P<probes>( [a-z]{1,16}=[?+!-][a-z0-9_,]{0,4096}){0,8})"
)


class Probe(StrEnum):
    """The parts of a check, in their order."""

    STATE = "state"  # what its provider says of it
    USE = "use"  # it wraps, and unwraps what it wrapped
    BOUNDS = "bounds"  # it unwraps in no other context
    OUTLOOK = "outlook"  # what its provider finds wrong with it, now or soon


class Outcome(StrEnum):
    RUNNING = "?"
    PASSED = "+"
    WARNED = "!"
    FAILED = "-"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    outcome: Outcome
    codes: tuple[str, ...] = ()  # of its findings


@dataclass(frozen=True, slots=True)
class CheckProgress:
    """How far the check of a binding's key is. `run` is random; `end` is empty while it runs, and then one word."""

    binding_id: bytes
    run: bytes
    probes: Mapping[Probe, ProbeResult] = field(default_factory=dict)
    end: str = ""

    @classmethod
    def new(cls, binding_id: bytes) -> Self:
        return cls(binding_id, os.urandom(_RUN_BYTES))

    @property
    def runs(self) -> bool:
        return not self.end

    def with_probe(self, probe: Probe, result: ProbeResult) -> Self:
        return replace(self, probes={**self.probes, probe: result})

    def ended(self, end: str) -> Self:
        return replace(self, end=end)

    @property
    def text(self) -> str:
        probes = (
            f" {probe.value}={result.outcome.value}{','.join(result.codes)}" for probe, result in self.probes.items()
        )
        return f"{self.binding_id.hex()} {self.run.hex()} {self.end}{''.join(probes)}"

    @classmethod
    def read(cls, text: str) -> CheckProgress | None:
        """Return what `text` was made of; None for any other text. It is for people: nothing depends on it."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        try:
            probes = dict(map(_probe, found["probes"].split()))
        except ValueError:
            return None
        return cls(bytes.fromhex(found["id"]), bytes.fromhex(found["run"]), probes, found["end"])


def _probe(word: str) -> tuple[Probe, ProbeResult]:
    """Raises ValueError."""
    name, _, result = word.partition("=")
    codes = tuple(result[1:].split(",")) if result[1:] else ()
    return Probe(name), ProbeResult(Outcome(result[0]), codes)


class CheckStore(Protocol):
    """The check that runs for an organization, and the last one that ended. Both are lost after some minutes.

    Raises StoreError.
    """

    def begin(self, environment: EnvironmentId, org: OrgId, progress: CheckProgress, lease_s: int) -> bool:
        """Store a check as the one that runs; False if another one does."""

    def write(self, environment: EnvironmentId, org: OrgId, progress: CheckProgress, lease_s: int) -> None:
        """Store how far the running check is, or that it ended."""

    def load(self, environment: EnvironmentId, org: OrgId) -> CheckProgress | None:
        """Return the running check, or else the last one."""
