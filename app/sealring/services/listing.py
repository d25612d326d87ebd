"""Listing: pages of names, stable while others write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sealring.domain.events import Action, Event
from sealring.domain.ids import NO_ORG, OrgId
from sealring.domain.ports import ObjectStore, Order, PageQuery, Row
from sealring.domain.principal import Caller, Permission
from sealring.errors import MalformedRequest
from sealring.services.cursors import Cursor, Cursors, IssuedAs


@dataclass(frozen=True, slots=True)
class ListOptions:
    limit: int = 10
    order: Order | None = None  # None: the cursor's, else newest first
    before: str | None = None
    after: str | None = None
    search: str = field(default="", repr=False)
    updated_after: int | None = None  # microseconds
    org: OrgId | None = None  # None: all organizations of the caller


@dataclass(frozen=True, slots=True)
class Listing:
    rows: Sequence[Row]
    before: str | None
    after: str | None


class Lists:
    """The one use case of lists. Thread-safe.

    Current clients send the cursor from `after` back as `after`; early clients send the one from `before` as `after`.
    A cursor records which field it came from, so that both move forward, and each gets answers in its own style.
    """

    def __init__(self, store: ObjectStore, cursors: Cursors) -> None:
        self._store = store
        self._cursors = cursors

    def list(self, caller: Caller, options: ListOptions) -> Listing:
        """Return one page of live objects in (`updated_at`, id) order, touching no key.

        Raises MalformedRequest; Forbidden if the token lacks the organization of the options.
        """
        caller.principal.require(Permission.OBJECTS_LIST)
        if options.org is not None:
            caller = replace(caller, principal=caller.principal.of_one(options.org))
            caller.acts_for(options.org)
        principal = caller.principal
        if options.after is not None and options.before is not None:
            raise MalformedRequest("Send before or after, not both.")
        text = options.after if options.after is not None else options.before
        cursor = None if text is None else self._cursors.decode(text, principal)
        order = _order(options, cursor)
        walk = _Walk(
            order=order,
            newest=self._newest(order) if cursor is None else cursor.newest,
            start=cursor,
            backward=options.before is not None,
        )
        found = self._store.page(_query(caller, options, walk), _event(caller))
        rows = found[: options.limit]
        return self._answer(caller, walk, rows[::-1] if walk.backward else rows, more=len(found) > options.limit)

    def _newest(self, order: Order) -> int | None:
        """End an ascending list at the time it began: an update moves a row to the end, where it would appear again."""
        return self._store.now() if order is Order.ASCENDING else None

    def _answer(self, caller: Caller, walk: _Walk, rows: Sequence[Row], *, more: bool) -> Listing:
        if not rows:
            return Listing((), None, None)

        def token(field: IssuedAs) -> str:
            cursor = Cursor(field, walk.order, rows[0].position, rows[-1].position, walk.newest)
            return self._cursors.encode(cursor, caller.principal)

        follows = walk.backward or more
        precedes = more if walk.backward else walk.start is not None
        early_style = walk.start is not None and not walk.backward and walk.start.issued_as is IssuedAs.BEFORE
        has_before = follows if early_style else follows or precedes
        return Listing(
            rows,
            before=token(IssuedAs.BEFORE) if has_before else None,
            after=token(IssuedAs.AFTER) if follows else None,
        )


@dataclass(frozen=True, slots=True)
class _Walk:
    order: Order
    newest: int | None
    start: Cursor | None
    backward: bool


def _order(options: ListOptions, cursor: Cursor | None) -> Order:
    if cursor is None:
        return options.order or Order.DESCENDING
    if options.order not in {None, cursor.order}:
        raise MalformedRequest(f"The cursor is of a list with order={cursor.order.value}. Send that order, or none.")
    return cursor.order


def _query(caller: Caller, options: ListOptions, walk: _Walk) -> PageQuery:
    order, start = walk.order, None
    if walk.start is not None:
        start = walk.start.first if walk.backward else walk.start.last
    if walk.backward:
        order = Order.ASCENDING if order is Order.DESCENDING else Order.DESCENDING
    return PageQuery(
        environment=caller.principal.environment,
        orgs=None if caller.principal.everywhere else caller.principal.organizations,
        order=order,
        limit=options.limit + 1,
        start=start,
        oldest=0 if options.updated_after is None else _first_shown_after(options.updated_after),
        newest=walk.newest,
        search=options.search.casefold(),
    )


def _first_shown_after(moment: int) -> int:
    """Return the first microsecond whose timestamp, shown in milliseconds, is later than `moment`."""
    return (moment // 1000 + 1) * 1000


def _event(caller: Caller) -> Event:
    principal = caller.principal
    org = next(iter(principal.organizations)) if len(principal.organizations) == 1 else NO_ORG
    return Event(
        action=Action.NAMES_LISTED,
        environment=principal.environment,
        org=org,
        origin=caller.origin,
    )
