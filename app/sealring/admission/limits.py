"""The limits that a request meets: rates before its body is read, and its organization's share of turns after that."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass

from sealring.admission.buckets import Buckets, Clock, quota_of
from sealring.admission.turns import Owner, Turns
from sealring.domain.ids import OrgId
from sealring.domain.limits import LimitsOf
from sealring.domain.principal import Principal
from sealring.errors import LimitError, Overloaded, RateLimited, Whose

Observe = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per second, of all workers of a server together. 0: no limit."""

    subject: int = 0
    environment: int = 0


class Limiter:
    """Admits requests within the limits of subject, organization and environment. Thread-safe.

    The rates are checked from the narrowest to the widest, and a refused request is not counted for the wider ones: a
    noisy organization takes no more of its environment's rate than its own.
    """

    def __init__(  # noqa: PLR0913  its parts
        self,
        rates: Rates,
        limits_of: LimitsOf,
        turns: Turns,
        *,
        workers: int,
        early: bool = False,
        observe: Observe = lambda _which: None,
        clock: Clock = time.monotonic,
    ) -> None:
        """`workers` share the rates; `clock` gives seconds.

        `early`: a request takes its place before its body is read, since a thread waits for the body.

        `observe` is called with a word for each refusal: subject, organization, environment, share, overloaded.
        """
        self._rates = rates
        self._limits_of = limits_of
        self._turns = turns
        self._workers = workers
        self._early = early
        self._observe = observe
        self._subjects, self._organizations, self._environments = (Buckets(1 / workers, clock) for _ in range(3))

    def enter(self, principal: Principal) -> Turn:
        """Count a request, and return its turn. Raises LimitError."""
        owner = _owner(principal)
        self.count(principal, owner)
        turn = Turn(self, principal, owner)
        if self._early:
            turn.begin()
        return turn

    def count(self, principal: Principal, owner: Owner | None, more: int = 0) -> None:
        """Count a request; or, if it is a batch that was counted as one, so many more. Raises LimitError."""
        environment, rates = principal.environment, self._rates
        try:
            if rates.subject:
                subject = (environment, principal.issuer, principal.subject)
                self._take("subject", self._subjects, subject, rates.subject, more)
            if owner is not None:
                self._take_of(owner, principal.organizations, more)
            if rates.environment:
                self._take("environment", self._environments, environment, rates.environment, more)
        except LimitError as refusal:
            self._observe(_word(refusal))
            raise

    def spare(self, owner: Owner | None) -> bool:
        """Take one more place for a batch, if there is one on the event loop, and return whether it was taken."""
        if self._early:  # a thread does one thing at a time
            return False
        try:
            self._turns.enter(owner)
        except LimitError:
            return False
        return True

    def begin(self, owner: Owner | None) -> None:
        """Take a place. Raises LimitError."""
        try:
            self._turns.enter(owner)
        except LimitError as refusal:
            self._observe(_word(refusal))
            raise

    def act(self, principal: Principal, org: OrgId, *, claims: bool, items: int = 1) -> None:
        """Count a request, or items, which were counted for their subject before, for an organization.

        Raises LimitError.

        `claims`: count its place for the organization, too.
        """
        try:
            owner = (principal.environment, org)
            self._take_of(owner, (org,))
            if items > 1:
                self._take_of(owner, (org,), items - 1)
            if claims:
                self._turns.claim(owner)
        except LimitError as refusal:
            self._observe(_word(refusal))
            raise

    def leave(self, owner: Owner | None) -> None:
        self._turns.leave(owner)

    def _take_of(self, owner: Owner, orgs: Collection[OrgId], more: int = 0) -> None:
        """Several organizations have together what the one of them has that may do most."""
        rates = [self._limits_of(owner[0], org).requests_per_second for org in orgs]
        if all(rates):
            self._take("organization", self._organizations, owner, max(rates), more)

    def _take(self, whose: Whose, buckets: Buckets, key: object, total: int, more: int = 0) -> None:
        rate = total / self._workers
        wait_s = buckets.take_more(key, rate, more) if more else buckets.take(key, rate)
        if wait_s:
            raise RateLimited(whose, *quota_of(rate), wait_s)


class Turn:
    """One request, from its admission to its answer. Not thread-safe.

    It begins when the whole request is there: on an event loop, one that arrives slowly takes no place.
    """

    __slots__ = ("_acts_for", "_has_place", "_limiter", "_more", "_owner", "_principal")

    def __init__(self, limiter: Limiter, principal: Principal, owner: Owner | None) -> None:
        self._limiter = limiter
        self._principal = principal
        self._owner = owner
        self._has_place = False
        self._more: list[Owner | None] = []  # owners of the further places of a batch
        self._acts_for = principal.organizations if len(principal.organizations) == 1 and owner else frozenset[OrgId]()

    @property
    def owner(self) -> Hashable:
        """Whom its body counts for: its organization, or its subject if it may be for any."""
        principal = self._principal
        return self._owner or (principal.environment, principal.issuer, principal.subject)

    def begin(self) -> None:
        """Take a place, unless it has one; leave when the request is answered. Raises LimitError."""
        if not self._has_place:
            self._limiter.begin(self._owner)
            self._has_place = True

    def acts_for(self, org: OrgId) -> None:
        """Count the request for an organization of its token, once. Raises LimitError.

        If the token is for all organizations, the place is the first one's.
        """
        if not org or org in self._acts_for:
            return
        self._limiter.act(self._principal, org, claims=self._owner is None)
        self._owner = self._owner or (self._principal.environment, org)
        self._acts_for |= {org}

    def count(self, items: int) -> None:
        """Count a batch of so many items as so many requests. Raises LimitError."""
        if items > 1:
            self._limiter.count(self._principal, self._owner, items - 1)

    def items_for(self, org: OrgId, items: int) -> None:
        """Count items of a batch for an organization of its token. Raises LimitError."""
        if not org or (self._principal.environment, org) == _owner(self._principal):  # then `count` has counted them
            return
        self._limiter.act(self._principal, org, claims=self._owner is None, items=items)
        self._owner = self._owner or (self._principal.environment, org)

    def places(self, wanted: int) -> int:
        """Take as many of the wanted places for a batch as are free, and return how many it has: at least one."""
        while len(self._more) < wanted - 1 and self._limiter.spare(self._owner):
            self._more.append(self._owner)
        return min(wanted, 1 + len(self._more))

    def leave(self) -> None:
        if self._has_place:
            self._limiter.leave(self._owner)
        for owner in self._more:
            self._limiter.leave(owner)


def _owner(principal: Principal) -> Owner | None:
    """Return whom a request counts for before it is known which organization it is for: None if that may be any."""
    orgs = principal.organizations
    if principal.everywhere or not orgs:
        return None
    if len(orgs) > 1:
        return principal.environment, orgs
    (org,) = orgs
    return principal.environment, org


def _word(refusal: LimitError) -> str:
    if isinstance(refusal, RateLimited):
        return refusal.whose
    return "overloaded" if isinstance(refusal, Overloaded) else "share"
