"""Revoking tokens: the operator's use cases. No route leads to them."""

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
from sealring.errors import RevocationRefused


@dataclass(frozen=True, slots=True)
class Validity:
    """Of the profile of an issuer, what bounds how long a token of it can be valid."""

    max_lifetime_s: int
    leeway_s: int


class Revocations:
    """Thread-safe. All of it is for the environment of the caller."""

    def __init__(self, store: RevocationStore, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970, as the one that tokens are verified by."""
        self._store = store
        self._clock = clock

    def begin(self, caller: Caller) -> bool:
        """Give the environment an empty list, in the place of none or of one that was altered; say whether it had none.

        What was revoked in it before counts no more.
        """
        event = _event(Action.REVOCATIONS_BEGUN, caller)
        return self._store.begin(caller.principal.environment, event)

    def list(self, caller: Caller) -> Sequence[Revocation]:
        """Return all, the oldest first."""
        return sorted(self._store.load(caller.principal.environment), key=lambda each: each.made_at)

    def revoke(self, caller: Caller, target: Target, validity: Validity, before_s: int | None) -> Revocation:
        """Refuse the tokens of the target that were issued before a time; None: all that there are by now.

        Those of an issuer whose clock is ahead by its leeway are among them, and so are those that are minted in that
        time. Raises RevocationRefused for a time that lies beyond, and where there are too many revocations.
        """

        def decide(found: Sequence[Revocation], now: int) -> RevocationChange:
            clocks = now // 1_000_000, int(self._clock())  # neither of which is believed alone
            latest = max(clocks) + validity.leeway_s + 1
            made = _made(target, validity, _cut(before_s, latest), now)
            made = next((made.joined(each) for each in found if each.target == target), made)
            others = [each for each in found if _stays(each, made, min(clocks))]
            if len(others) >= MAX_REVOCATIONS and target.reach is not Reach.ISSUER:
                raise RevocationRefused(
                    f"there are {MAX_REVOCATIONS} revocations, as many as an environment may have; revoke all that the "
                    "issuer issued before a time instead, with --issued-before and without --subject"
                )
            return RevocationChange(made, others, _revoked(caller, made))

        return self._store.change(caller.principal.environment, decide)


def _cut(before_s: int | None, latest: int) -> int:
    if before_s is None:
        return latest
    if before_s > latest:
        raise RevocationRefused("that time lies in the future: a token cannot be revoked before it is issued")
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
