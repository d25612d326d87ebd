"""Revocations: which tokens of an issuer are refused, although they verify."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

from sealring.domain.principal import Principal

MAX_REVOCATIONS = 10_000  # of one environment; a revocation of a whole issuer is accepted beyond it


class Reach(IntEnum):
    TOKEN = 1  # the token with the id
    SUBJECT = 2  # the tokens of the subject
    ISSUER = 3  # all tokens of the issuer


@dataclass(frozen=True, slots=True)
class Target:
    """Which tokens a revocation refuses. An environment has at most one revocation for each target."""

    issuer: str
    reach: Reach
    of: str = ""  # the token's id (`jti`), or the subject; empty for the issuer


@dataclass(frozen=True, slots=True)
class Revocation:
    """Refuses tokens of the target that were issued before a time."""

    target: Target
    issued_before: int  # seconds since 1970; a token with the revoked id is refused whenever it was issued
    expires_at: int  # seconds since 1970: from then on, every token that it revokes has expired
    made_at: int  # microseconds since 1970, by the store's clock

    def joined(self, earlier: Revocation) -> Self:
        """Return this one with what an earlier one of its target revoked, which it replaces."""
        return replace(
            self,
            issued_before=max(self.issued_before, earlier.issued_before),
            expires_at=max(self.expires_at, earlier.expires_at),
        )

    def implies(self, other: Revocation) -> bool:
        """Whether this one revokes all that `other` revokes; only one of the whole issuer can."""
        return (
            self.target.reach is Reach.ISSUER
            and self.target.issuer == other.target.issuer
            and other.issued_before <= self.issued_before
        )


@dataclass(frozen=True, slots=True)
class Revoked:
    """The revocations of one environment, indexed: three look-ups for a token."""

    tokens: frozenset[tuple[str, str]]  # issuer, and a token's id
    cuts: Mapping[tuple[str, str], int]  # issuer, and subject (empty: all subjects): issued before

    @classmethod
    def by(cls, revocations: Iterable[Revocation]) -> Self:
        each_of = list(revocations)
        return cls(
            frozenset(_place(each) for each in each_of if each.target.reach is Reach.TOKEN),
            {_place(each): each.issued_before for each in each_of if each.target.reach is not Reach.TOKEN},
        )

    def covers(self, principal: Principal) -> bool:
        """Whether the principal's token is revoked."""
        if not self.tokens and not self.cuts:  # the usual case
            return False
        issuer, cut = principal.issuer, self.cuts.get
        return (
            (issuer, principal.token_id) in self.tokens
            or principal.issued_at < cut((issuer, principal.subject), 0)
            or principal.issued_at < cut((issuer, ""), 0)
        )


def _place(revocation: Revocation) -> tuple[str, str]:
    return revocation.target.issuer, revocation.target.of
