"""Checks of every command that the server and the command line send to a store, with the reply that they expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from sealring.errors import SealringError
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.doctor.diagnosis import Check, Diagnosis, failed, ok
from sealring.store.doctor.sandbox import Sandbox, ends, lasting

Step = tuple[Command, Callable[[Reply], bool]]
Steps = Callable[[bytes], Sequence[Step]]  # on this key, in this order

_EARLIER = 1_700_000_000_000_001  # µs: the scores of the indexes, exact to the last digit
_LATER = _EARLIER + 1


def command_checks() -> Iterator[Check]:
    for name, steps in _PROBES.items():
        yield Check(f"commands, {name}", partial(_look, name, steps))


def _look(name: str, steps: Steps, sandbox: Sandbox) -> Diagnosis:
    key = sandbox.key(name)
    with sandbox.borrow() as link:
        tried = {command[0]: True for command, _ in steps(key)}
        for command, expected in steps(key):
            tried[command[0]] &= _keeps(link, key, command, expected)
    broken = [str(verb, "ascii") for verb, works in tried.items() if isinstance(verb, bytes) and not works]
    if broken:
        return failed(
            f"{', '.join(broken)}: refused, unknown, or with another reply than from Redis 7",
            "allow it to the user of the URL (docs/storage.md), or use another store",
        )
    return ok(f"all {len(tried)} work")


def _keeps(link: Link, key: bytes, command: Command, expected: Callable[[Reply], bool]) -> bool:
    try:
        return expected(link.send(command, ends(key))[0])
    except (SealringError, TypeError, ValueError, IndexError):  # refused, or a reply of another shape
        return False


def _strings(key: bytes) -> Sequence[Step]:
    return (
        (lasting(key, b"one", b"NX"), _is(b"OK")),
        (lasting(key, b"two", b"NX"), _is(None)),
        ((b"GET", key), _is(b"one")),
        ((b"GETRANGE", key, 0, 1), _is(b"on")),
        ((b"SET", key, b"two", b"EX", 60), _is(b"OK")),
        ((b"EXPIRE", key, 60), _is(1)),
        ((b"EXPIRE", key, 60, b"NX"), _is(0)),
        ((b"EXPIRE", key, 30, b"LT"), _is(1)),
        (ends(key), _is(1)),
        ((b"EXISTS", key), _is(1)),
        ((b"DEL", key), _is(1)),
        ((b"UNLINK", key), _is(0)),
    )


def _hashes(key: bytes) -> Sequence[Step]:
    return (
        ((b"HSET", key, b"field", b"one"), _is(1)),
        ((b"HSETNX", key, b"field", b"two"), _is(0)),
        ((b"HGET", key, b"field"), _is(b"one")),
        ((b"HEXISTS", key, b"field"), _is(1)),
        ((b"HLEN", key), _is(1)),
        ((b"HKEYS", key), _is([b"field"])),
        ((b"HVALS", key), _is([b"one"])),
        ((b"HGETALL", key), _is([b"field", b"one"])),
        ((b"HDEL", key, b"field"), _is(1)),
        ((b"HINCRBY", key, b"count", 2), _is(2)),
    )


def _lists(key: bytes) -> Sequence[Step]:
    return (
        ((b"LPUSH", key, b"old"), _is(1)),
        ((b"LPUSH", key, b"new"), _is(2)),
        ((b"LINDEX", key, 0), _is(b"new")),
        ((b"RPUSH", key, b"oldest"), _is(3)),
        ((b"LRANGE", key, 0, -1), _is([b"new", b"old", b"oldest"])),
        ((b"LTRIM", key, 0, 1), _is(b"OK")),
    )


def _sorted_sets(key: bytes) -> Sequence[Step]:
    forward = (b"ZRANGE", key, _EARLIER, b"+inf", b"BYSCORE", b"LIMIT", 0, 1, b"WITHSCORES")
    backward = (b"ZRANGE", key, b"+inf", _EARLIER, b"BYSCORE", b"REV", b"LIMIT", 0, 1, b"WITHSCORES")
    by_name = (b"ZRANGE", key, b"(a", b"+", b"BYLEX", b"LIMIT", 0, 1)
    return (
        ((b"ZADD", key, _EARLIER, b"early"), _is(1)),
        (by_name, _is([b"early"])),
        ((b"ZADD", key, _LATER, b"late"), _is(1)),
        (forward, lambda reply: reply[0] == b"early" and float(reply[1]) == _EARLIER),
        (backward, lambda reply: reply[0] == b"late" and float(reply[1]) == _LATER),
        ((b"ZSCORE", key, b"late"), lambda reply: float(reply) == _LATER),
        ((b"ZSCAN", key, 0, b"COUNT", 10), lambda reply: float(reply[1][3]) == _LATER),
        ((b"ZREM", key, b"late"), _is(1)),
    )


def _streams(key: bytes) -> Sequence[Step]:
    return (
        ((b"XADD", key, b"1-1", b"field", b"one"), _is(b"1-1")),
        ((b"XADD", key, b"*", b"field", b"two"), _any),
        ((b"XRANGE", key, b"-", b"+", b"COUNT", 1), _is([[b"1-1", [b"field", b"one"]]])),
        ((b"XRANGE", key, b"(0-0", b"+", b"COUNT", 1), _is([[b"1-1", [b"field", b"one"]]])),
        ((b"XLEN", key), _is(2)),
        ((b"XTRIM", key, b"MINID", 2), _is(1)),
    )


def _whole_store(key: bytes) -> Sequence[Step]:
    return (
        ((b"PING",), _is(b"PONG")),
        ((b"TIME",), lambda reply: len(reply) == 2),
        ((b"SCAN", 0, b"MATCH", key, b"COUNT", 10), lambda reply: len(reply) == 2),
        ((b"DBSIZE",), lambda reply: reply >= 0),
    )


_PROBES: dict[str, Steps] = {
    "strings": _strings,
    "hashes": _hashes,
    "lists": _lists,
    "sorted sets": _sorted_sets,
    "streams": _streams,
    "whole store": _whole_store,
}


def _is(expected: object) -> Callable[[Reply], bool]:
    return lambda reply: bool(reply == expected)


def _any(_: Reply) -> bool:
    return True
