"""Group commit: transactions that fibers begin in one turn of the loop share one WATCH, one MULTI … EXEC, and one sync.

    WATCH and reads of all members      one send
    each member decides                 in its fiber, without waiting for anything
    MULTI, writes of all members, EXEC  one send

No member writes what a later one watches, so there is an order in which each has seen what was there. If somebody else
has changed a key that one of them watches, nothing is written, and each tries again alone. Transactions of the same key
would hinder each other: they take turns, one in a group, those first that came first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import chain, islice

from sealring import fibers
from sealring.fibers import Fibers, MustNotWait, Outcome
from sealring.observability.trail import Layer, waited
from sealring.store.connection.link import Command, Link, Reply, checked

UNDER_WAY = 2  # groups of one slot: while one commits, the next reads
MEMBERS = 64
JOIN_S = 1.0  # the most that a transaction waits for its group; then it goes on alone

_Replies = list[Reply]
_Tell = Callable[[Outcome[_Replies]], None]
_MULTI, _EXEC, _UNWATCH = (b"MULTI",), (b"EXEC",), (b"UNWATCH",)


class Grouping:
    """Makes the groups of one slot. Only for the loop's thread."""

    def __init__(self, borrow: Callable[[], AbstractContextManager[Link]]) -> None:
        self._borrow = borrow
        self._forming: list[Member] = []
        self._busy: set[bytes] = set()  # the keys of members of groups under way
        self._under_way = 0
        self._due = False
        self._timed = False  # a look at those that wait is due

    def join(self, member: Member, loop: Fibers) -> None:
        member.until = loop.loop.time() + JOIN_S
        self._forming.append(member)
        self._schedule(loop)
        if not self._timed:
            self._time(JOIN_S, loop)

    def _time(self, seconds: float, loop: Fibers) -> None:
        self._timed = True
        loop.loop.call_later(seconds, self._look, loop)

    def _look(self, loop: Fibers) -> None:
        """Give members up that are in no group yet, and have waited too long."""
        self._timed = False
        now = loop.loop.time()
        while self._forming and self._forming[0].until <= now:
            self._forming.pop(0).fail(MustNotWait())
        if self._forming:
            self._time(self._forming[0].until - now, loop)

    def _schedule(self, loop: Fibers) -> None:
        if self._forming and not self._due and self._under_way < UNDER_WAY:
            self._due = True
            loop.loop.call_soon(self._begin, loop)

    def _begin(self, loop: Fibers) -> None:
        self._due = False
        members = self._chosen()
        if members:
            self._under_way += 1
            loop.start(lambda: self._run(members, loop))
            self._schedule(loop)

    def _chosen(self) -> Sequence[Member]:
        """Take the members of the next group, at most one of a key."""
        members: list[Member] = []
        others: list[Member] = []
        for each in self._forming:
            if len(members) < MEMBERS and each.key not in self._busy:
                members.append(each)
                self._busy.add(each.key)
            else:
                others.append(each)
        self._forming = others
        return members

    def _run(self, members: Sequence[Member], loop: Fibers) -> None:
        outcome = Outcome.of(lambda: self._work(members, loop))
        self._under_way -= 1
        self._busy.difference_update(each.key for each in members)
        if outcome.failure is not None:
            for each in members:
                each.fail(outcome.failure)
        self._schedule(loop)

    def _work(self, members: Sequence[Member], loop: Fibers) -> None:
        with self._borrow() as link:
            replies = iter(link.replies(*chain.from_iterable(each.wanted for each in members)))
            decisions = _Decisions(len(members), loop)
            for each in members:
                each.decides(list(islice(replies, len(each.wanted))), decisions.note)
            loop.suspend(decisions.when_all)
            committing = _in_order([each for each in members if each.commit is not None])
            if committing:
                _commit(link, committing)
            else:
                link.send(_UNWATCH)


class _Decisions:
    """Counts the members that have not decided."""

    def __init__(self, members: int, loop: Fibers) -> None:
        self._undecided = members
        self._loop = loop
        self._resume: Callable[[None], None] = lambda _nothing: None

    def when_all(self, resume: Callable[[None], None]) -> None:
        self._resume = resume

    def note(self) -> None:
        self._undecided -= 1
        if not self._undecided:
            self._loop.loop.call_soon(self._resume, None)


class Member(Link):
    """The link of one transaction in a group: it sends WATCH and reads, and then UNWATCH, or MULTI … EXEC.

    Raises MustNotWait if the transaction sends more than that, or waits for anything between the two.
    """

    def __init__(self, key: bytes, grouping: Grouping, loop: Fibers) -> None:
        self.key = key
        self._grouping = grouping
        self._loop = loop
        self._tell: _Tell | None = None  # set: it waits for the group
        self._note: Callable[[], None] | None = None  # set: it has to decide
        self._has_left = False
        self.until = 0.0  # by loop.time(): then it waits no longer to join
        self.wanted: Sequence[Command] = ()
        self.commit: Commitment | None = None  # set: it writes

    def send(self, *commands: Command) -> _Replies:
        if self._has_left:
            raise MustNotWait
        if self._note is None:
            self.wanted = commands
            replies = self._told(lambda: self._grouping.join(self, self._loop))
            fibers.must_not_wait(True)
            return checked(replies)
        if commands == (_UNWATCH,):
            self.leave()
            return [b"OK"]
        if _MULTI not in commands:
            raise MustNotWait
        self.commit = Commitment(self.wanted, commands)
        fibers.must_not_wait(False)
        return checked(self._told(self.leave))

    @property
    def commitment(self) -> Commitment:
        assert self.commit is not None, "it writes"
        return self.commit

    def leave(self) -> None:
        """Let the group go on."""
        self._has_left = True
        note, self._note = self._note, None
        if note is not None:
            fibers.must_not_wait(False)
            note()

    def decides(self, replies: _Replies, note: Callable[[], None]) -> None:
        self._note = note
        self.tell(replies)

    def tell(self, replies: _Replies) -> None:
        """Resume the fiber in a later turn."""
        self._answer(Outcome(replies))

    def fail(self, failure: BaseException) -> None:
        """Resume the fiber, if it still waits, with the failure of the group."""
        if self._tell is not None:
            self._answer(Outcome(failure=failure))

    def close(self) -> None:
        raise AssertionError("the group has the connection")

    def _told(self, begin: Callable[[], None]) -> _Replies:
        def wait(tell: _Tell) -> None:
            self._tell = tell
            begin()

        return waited(Layer.STORE, lambda: self._loop.suspend(wait).get())

    def _answer(self, outcome: Outcome[_Replies]) -> None:
        tell, self._tell = self._tell, None
        assert tell is not None, "it waits"
        self._loop.loop.call_soon(tell, outcome)


class Commitment:
    """What a member writes, and what that depends on."""

    __slots__ = ("before", "waits", "watched", "writes", "written")

    def __init__(self, wanted: Sequence[Command], commands: Sequence[Command]) -> None:
        """`wanted`: what was read; `commands`: any, MULTI, writes, EXEC, and WAIT if replicas have to confirm."""
        begin, end = commands.index(_MULTI), commands.index(_EXEC)
        self.before = commands[:begin]
        self.writes = commands[begin + 1 : end]
        self.waits = commands[end + 1 :]
        self.watched = {key for command in wanted if command[0] == b"WATCH" for key in command[1:]}
        self.written = {key for command in (*self.before, *self.writes) for key in _keys(command)}


def _keys(command: Command) -> Command:
    return command[1:] if command[0] in {b"DEL", b"UNLINK"} else command[1:2]


def _in_order(members: Sequence[Member]) -> Sequence[Member]:
    """Return those that can write together, and let the others try again."""
    together: list[Member] = []
    written: set[object] = set()
    for each in members:
        commit = each.commitment
        if written.isdisjoint(commit.watched):
            together.append(each)
            written |= commit.written
        else:
            each.tell([None, *[0 for _ in commit.waits]])
    return together


def _commit(link: Link, members: Sequence[Member]) -> None:
    """Write for all members, and tell each what it would have been told alone."""
    commits = [each.commitment for each in members]
    before = [command for commit in commits for command in commit.before]
    writes = [command for commit in commits for command in commit.writes]
    replies = iter(link.replies(*before, _MULTI, *writes, _EXEC, *commits[0].waits))
    before_replies = list(islice(replies, len(before)))
    next(replies)  # OK, or the reason for which each command is refused too
    queued = list(islice(replies, len(writes)))
    results, *reached = replies
    refused = any(isinstance(each, Exception) for each in queued)
    begun = written = 0
    for each, commit in zip(members, commits, strict=True):
        own = (
            *before_replies[begun : (begun := begun + len(commit.before))],
            *queued[written : written + len(commit.writes)],
        )
        mine = results[written : written + len(commit.writes)] if isinstance(results, list) else results
        written += len(commit.writes)
        each.tell([*own, None if refused else mine, *reached])
