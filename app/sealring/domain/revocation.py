"""Revocations: which tokens of an issuer count no more, although they verify."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

from sealring.domain.principal import Principal

MAX_REVOCATIONS = 10_000  # of one environment; one of a whole issuer is taken beyond


class Reach(IntEnum):
    TOKEN = 1  # the one that has the id
    SUBJECT = 2  # those of the subject
    ISSUER = 3  # all of the issuer


@dataclass(frozen=True, slots=True)
class Target:
    """Of which tokens a revocation is. An environment has one for each target at most."""

    issuer: str
    reach: Reach
    of: str = ""  # the token's id (`jti`), or the subject; nothing for the issuer


@dataclass(frozen=True, slots=True)
class Revocation:
    """Tokens of the target that were issued before a time, seconds since 1970, are refused."""

    target: Target
    issued_before: int  # what has an id is refused whenever it was issued; it exists, so it was before this
    expires_at: int  # seconds since 1970: from then on, nothing that it revokes can be valid
    made_at: int  # microseconds since 1970, by the store's clock

    def joined(self, earlier: Revocation) -> Self:
        """Return this one in the place of an earlier one of its target: what that one revoked stays revoked."""
        return replace(
            self,
            issued_before=max(self.issued_before, earlier.issued_before),
            expires_at=max(self.expires_at, earlier.expires_at),
        )

    def implies(self, other: Revocation) -> bool:
        """Whether all that `other` revokes is revoked by this one too: so it is for one of the whole issuer."""
        return (
            self.target.reach is Reach.ISSUER
            and self.target.issuer == other.target.issuer
            and other.issued_before <= self.issued_before
        )


@dataclass(frozen=True, slots=True)
class Revoked:
    """What the revocations of one environment come to: three look-ups for a token."""

    tokens: frozenset[tuple[str, str]]  # issuer, and a token's id
    cuts: Mapping[tuple[str, str], int]  # issuer, and a subject or nothing for all of them: issued before

    @classmethod
    def by(cls, revocations: Iterable[Revocation]) -> Self:
        each_of = list(revocations)
        return cls(
            frozenset(_place(each) for each in each_of if each.target.reach is Reach.TOKEN),
            {_place(each): each.issued_before for each in each_of if each.target.reach is not Reach.TOKEN},
        )

    def covers(self, principal: Principal) -> bool:
        """Whether the principal's token is revoked."""
        if not self.tokens and not self.cuts:  # as mostly
            return False
        issuer, cut = principal.issuer, self.cuts.get
        return (
            (issuer, principal.token_id) in self.tokens
            or principal.issued_at < cut((issuer, principal.subject), 0)
            or principal.issued_at < cut((issuer, ""), 0)
        )


def _place(revocation: Revocation) -> tuple[str, str]:
    return revocation.target.issuer, revocation.target.of
