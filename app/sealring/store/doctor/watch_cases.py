"""Checks of WATCH: thirteen events between WATCH and EXEC that it must notice or ignore.

Redis since 6.2 and Valkey agree on all of them, and the server relies on that: if a change goes unnoticed, one of two
writers overwrites the other, and both get a success.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sealring.store.connection.link import Command, Link
from sealring.store.doctor.diagnosis import Check, Diagnosis, failed, note, ok
from sealring.store.doctor.sandbox import LIFE_MS, Sandbox, ends, lasting

_ANOTHER_STORE = "use another store: this one loses updates"
_SHORT_MS = 20
_LONGER_S = 0.1
_SCRIPT = b"return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"


@dataclass(frozen=True, slots=True)
class WatchCase:
    """What another connection, the rival, does to the watched key, and whether our EXEC must then apply nothing."""

    name: str
    before: Sequence[Command]
    rival: Sequence[Command]
    aborts: bool = True
    wait_s: float = 0.0
    used: bool = True  # whether the server uses the rival's commands
    empties: bool = False  # whether these also remove keys of others


class _NotAlone(Exception):
    """The store holds keys that are not ours."""


def watch_checks(sandbox: Sandbox, *, destructive: bool) -> Iterator[Check]:
    for case in _cases(sandbox.key("watched"), sandbox.key("other")):
        look = partial(_look, case) if destructive or not case.empties else _left_out
        yield Check(f"WATCH, {case.name}", look, needed=case.used)


def _cases(watched: bytes, other: bytes) -> Sequence[WatchCase]:
    one, two = lasting(watched, b"1"), lasting(watched, b"2")
    field, changed_field = (b"HSET", watched, b"field", b"1"), (b"HSET", watched, b"field", b"2")
    member = (b"ZADD", watched, 1, b"member")
    script = (b"EVAL", _SCRIPT, 1, watched, b"2", LIFE_MS)
    return (
        WatchCase("set by another", [one], [two]),
        WatchCase("set to the same value", [one], [one]),
        WatchCase("created", [], [one]),
        WatchCase("created and deleted", [], [one, (b"DEL", watched)]),
        WatchCase("deleted", [one], [(b"DEL", watched)]),
        WatchCase("expired", [(b"SET", watched, b"1", b"PX", _SHORT_MS)], [], wait_s=_LONGER_S),
        WatchCase("field of a hash", [field, ends(watched)], [changed_field]),
        WatchCase("ZADD of what is there", [member, ends(watched)], [member], aborts=False),
        WatchCase("set in a transaction", [one], [(b"MULTI",), two, (b"EXEC",)]),
        WatchCase("set by a script", [one], [script], used=False),
        WatchCase("FLUSHALL", [one], [(b"FLUSHALL",)], used=False, empties=True),
        WatchCase("RENAME over it", [one, lasting(other, b"2")], [(b"RENAME", other, watched)], used=False),
        WatchCase("another key set", [one], [lasting(other, b"1")], aborts=False),
    )


def _look(case: WatchCase, sandbox: Sandbox) -> Diagnosis:
    try:
        said, applied = _attempt(case, sandbox)
    except _NotAlone:
        return failed("skipped: the store holds keys, and FLUSHALL would remove them", "omit --destructive")
    if said != applied:
        return failed("EXEC reports one result and does another", _ANOTHER_STORE)
    if case.aborts and applied:
        return failed("EXEC commits although the watched key changed", _ANOTHER_STORE)
    if not case.aborts and not applied:
        return failed("EXEC applies nothing although the watched key did not change", "use another store")
    return ok("EXEC applies nothing" if case.aborts else "EXEC commits")


def _left_out(_: Sandbox) -> Diagnosis:
    return note("skipped: it would remove everything in the store; --destructive runs it on an empty one")


def _attempt(case: WatchCase, sandbox: Sandbox) -> tuple[bool, bool]:
    """Run the case, and return whether EXEC says that it committed, and whether it did."""
    watched, committed = sandbox.key("watched"), sandbox.key("committed")
    with sandbox.borrow() as ours, sandbox.borrow() as rivals:
        ours.send(sandbox.removal(), *case.before, (b"WATCH", watched))
        if case.empties:
            _check_alone(rivals)
        if case.rival:
            rivals.send(*case.rival)
        time.sleep(case.wait_s)
        *_, said = ours.send((b"MULTI",), lasting(committed, b"1"), (b"EXEC",))
        (applied,) = ours.send((b"GET", committed))
    return said is not None, applied is not None


def _check_alone(link: Link) -> None:
    """FLUSHALL empties every database of the server, and DBSIZE counts only one: INFO must list no other."""
    size, keyspace = link.send((b"DBSIZE",), (b"INFO", b"keyspace"))
    databases = [line for line in keyspace.splitlines() if line.startswith(b"db")]
    if size != 1 or len(databases) != 1:
        raise _NotAlone
