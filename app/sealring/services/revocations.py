"""Revoking tokens: use cases of the operator, without a route."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sealring.domain.events import Action, Event
from sealring.domain.ids import NO_ORG
from sealring.domain.ports import RevocationChange, RevocationStore
from sealring.domain.principal import Caller
from sealring.domain.revocation import MAX_REVOCATIONS, Reach, Revocation, Target
from sealring.errors import ChangeRefused


@dataclass(frozen=True, slots=True)
class Validity:
    """The settings of an issuer's profile that limit how long its tokens can be valid."""

    max_lifetime_s: int
    leeway_s: int


class Revocations:
    """Revocations of the caller's environment. Thread-safe."""

    def __init__(self, store: RevocationStore, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970: the clock that tokens are verified with."""
        self._store = store
        self._clock = clock

    def begin(self, caller: Caller) -> bool:
        """Replace a missing or altered list of revocations by an empty one; return whether this call did so.

        Earlier revocations of the environment no longer count.
        """
        event = _event(Action.REVOCATIONS_BEGUN, caller)
        return self._store.begin(caller.principal.environment, event)

    def list(self, caller: Caller) -> Sequence[Revocation]:
        """Return all revocations, the oldest first."""
        return sorted(self._store.load(caller.principal.environment), key=lambda each: each.made_at)

    def revoke(self, caller: Caller, target: Target, validity: Validity, before_s: int | None) -> Revocation:
        """Refuse the target's tokens that were issued before a time; None: all tokens that exist now.

        "Now" includes the leeway, because the issuer's clock may be ahead by it: tokens issued in that time are refused
        too. Raises ChangeRefused for a later time, and if there are too many revocations.
        """

        def decide(found: Sequence[Revocation], now: int) -> RevocationChange:
            clocks = now // 1_000_000, int(self._clock())  # either of the two may be wrong
            latest = max(clocks) + validity.leeway_s + 1
            made = _made(target, validity, _cut(before_s, latest), now)
            made = next((made.joined(each) for each in found if each.target == target), made)
            others = [each for each in found if _stays(each, made, min(clocks))]
            if len(others) >= MAX_REVOCATIONS and target.reach is not Reach.ISSUER:
                raise ChangeRefused(
                    f"the environment already has {MAX_REVOCATIONS} revocations, the maximum; revoke all tokens that "
                    "the issuer issued before a time instead, with --issued-before and without --subject"
                )
            return RevocationChange(made, others, _revoked(caller, made))

        return self._store.change(caller.principal.environment, decide)


def _cut(before_s: int | None, latest: int) -> int:
    if before_s is None:
        return latest
    if before_s > latest:
        raise ChangeRefused("that time is in the future: a token cannot be revoked before it is issued")
    return before_s


def _made(target: Target, validity: Validity, cut: int, now: int) -> Revocation:
    return Revocation(target, cut, expires_at=cut + validity.max_lifetime_s + validity.leeway_s, made_at=now)


def _stays(each: Revocation, made: Revocation, now_s: int) -> bool:
    return each.target != made.target and each.expires_at > now_s and not made.implies(each)


def _revoked(caller: Caller, made: Revocation) -> Event:
    target = made.target
    cut = datetime.fromtimestamp(made.issued_before, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _event(
        Action.TOKEN_REVOKED,
        caller,
        name=f"{target.issuer}|{target.of}" if target.of else target.issuer,
        detail=target.reach.name.lower()
        if target.reach is Reach.TOKEN
        else f"{target.reach.name.lower()} before {cut}",
    )


def _event(action: Action, caller: Caller, *, name: str = "", detail: str = "") -> Event:
    return Event(
        action=action,
        environment=caller.principal.environment,
        org=NO_ORG,
        origin=caller.origin,
        name=name,
        detail=detail,
    )
