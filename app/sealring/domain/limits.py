"""Limits of organizations: how often each may ask, and how much it may store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from sealring.domain.ids import EnvironmentId, OrgId
from sealring.errors import QuotaExceeded

MAX_RATE = 1_000_000  # requests per second
MAX_QUOTA = (1 << 53) - 1  # the largest number that every JSON parser reads exactly


@dataclass(frozen=True, slots=True)
class Use:
    """What an organization stores, or by how much a write changes that. Deleted objects count until they are purged."""

    objects: int = 0
    stored_bytes: int = 0  # of the ciphertexts of all kept versions
    contexts: int = 0  # with a managed KEK of their own

    def __add__(self, other: Use) -> Use:
        return Use(self.objects + other.objects, self.stored_bytes + other.stored_bytes, self.contexts + other.contexts)

    def __neg__(self) -> Use:
        return Use(-self.objects, -self.stored_bytes, -self.contexts)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one organization. 0: none."""

    requests_per_second: int = 0
    objects: int = 0
    stored_bytes: int = 0
    contexts: int = 0

    def admit(self, use: Use, growth: Use) -> None:
        """Raises QuotaExceeded for a growth beyond a quota. What does not grow is admitted, whatever is in use."""
        _check("objects", self.objects, use.objects, growth.objects, _DELETE)
        _check("stored bytes", self.stored_bytes, use.stored_bytes, growth.stored_bytes, _DELETE)
        _check("key contexts", self.contexts, use.contexts, growth.contexts, _REUSE)


NO_LIMITS = Limits()

_DELETE = "Delete what is not needed (deleted objects count until they are purged), or ask the operator for more."
_REUSE = "Use a key context that exists, since none can be deleted, or ask the operator for more."

LimitsOf = Callable[[EnvironmentId, OrgId], Limits]


@dataclass(frozen=True, slots=True)
class Override:
    """Limits that an operator set for one organization. None: as the settings say."""

    requests_per_second: int | None = None
    objects: int | None = None
    stored_bytes: int | None = None
    contexts: int | None = None

    def over(self, earlier: Override) -> Override:
        """Return this one, with what only the earlier one says."""
        return Override(*(each if mine is None else mine for mine, each in zip(_all(self), _all(earlier), strict=True)))

    def limits(self, defaults: Limits) -> Limits:
        return Limits(*(each if mine is None else mine for mine, each in zip(_all(self), _all(defaults), strict=True)))


def _all(limits: Limits | Override) -> tuple[Any, ...]:
    return tuple(getattr(limits, each.name) for each in fields(limits))


def unlimited(_environment: EnvironmentId, _org: OrgId) -> Limits:
    return NO_LIMITS


def _check(what: str, limit: int, used: int, growth: int, advice: str) -> None:
    if limit and growth > 0 and used + growth > limit:
        raise QuotaExceeded(
            f"The organization's quota of {what} is exceeded: {limit} are allowed, {max(used, 0)} are used, and this "
            f"needs {growth} more. {advice}"
        )
