"""Checks of a store's latency, clock, memory, persistence and durability."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence

from sealring.store.connection.durability import Durability, DurabilityPolicy, StoreFacts, assess
from sealring.store.doctor.diagnosis import Check, Diagnosis, failed, ok, warning
from sealring.store.doctor.sandbox import Sandbox

_TRIPS = 20
_FAR_MS = 5.0  # a request makes two to four round trips
_SKEW_S = 1.0
_FULL = 0.75
_MIB = 1 << 20
_OLDEST = (7, 0)


def vital_signs(nodes: Sequence[StoreFacts]) -> Iterator[Check]:
    yield Check("round trip", _round_trip)
    yield Check("clock", _clock)
    for number, facts in enumerate(nodes, 1):
        yield from _of_node(facts.info, f" of primary {number}" if len(nodes) > 1 else "")
    yield Check("durability", lambda _: _durability(nodes))


def _of_node(info: Mapping[str, str], which: str) -> Iterator[Check]:
    if info:
        yield Check(f"server{which}", lambda _: _server(info))
        yield Check(f"memory{which}", lambda _: _memory(info))
        yield Check(f"persistence{which}", lambda _: _persistence(info))
    else:
        said = "refused: server, memory and persistence were not checked"
        yield Check(f"INFO{which}", lambda _: warning(said, "allow +info to the user of the URL"))


def _round_trip(sandbox: Sandbox) -> Diagnosis:
    key = sandbox.key("round trip")
    with sandbox.borrow() as link:
        times_ms = []
        for _ in range(_TRIPS):
            began = time.perf_counter()
            link.send((b"GET", key))
            times_ms.append(1000 * (time.perf_counter() - began))
    median = statistics.median(times_ms)
    if median > _FAR_MS:
        return warning(f"{median:.1f} ms, two to four times for each request", "move the server closer to the store")
    return ok(f"{median:.2f} ms")


def _clock(sandbox: Sandbox) -> Diagnosis:
    with sandbox.borrow() as link:
        asked = time.time()
        ((seconds, microseconds),) = link.send((b"TIME",))
        answered = time.time()
    ahead = int(seconds) + int(microseconds) / 1e6 - (asked + answered) / 2
    if abs(ahead) > _SKEW_S:
        return warning(
            f"the store's is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} ours",
            "synchronise both by NTP: times of objects come from the store, and tokens expire by ours",
        )
    return ok(f"{1000 * abs(ahead):.0f} ms from ours")


def _server(info: Mapping[str, str]) -> Diagnosis:
    name = "valkey" if "valkey_version" in info else info.get("server_name", "redis")
    version = info.get("valkey_version", info.get("redis_version", ""))
    if info.get("role") == "slave":
        return failed(f"{name} {version}, a replica: what is written to it is lost", "use the URL of its primary")
    if _numbers(info.get("redis_version", "")) < _OLDEST:
        return failed(f"{name} {version} is too old", "use Redis 7.0, Valkey 7.2 or later")
    return ok(f"{name} {version}, {info.get('connected_slaves', '?')} replicas")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


def _memory(info: Mapping[str, str]) -> Diagnosis:
    used, limit, machine = (_number(info, name) for name in ("used_memory", "maxmemory", "total_system_memory"))
    most = limit or machine
    if not most:
        return warning("the store does not report how much it may use", "make sure that it cannot run out")
    said = f"{used / _MIB:.0f} of {most / _MIB:.0f} MiB used"
    if used > _FULL * most:
        return warning(said, "give it more: when it is full, the response to all requests except lists is 507")
    if not limit:
        return warning(
            f"{said}, which is all that the machine has",
            "set maxmemory: a full store refuses writes, but a full machine kills the store",
        )
    return ok(said)


def _number(info: Mapping[str, str], name: str) -> int:
    text = info.get(name, "")
    return int(text) if text.isdecimal() else 0


def _persistence(info: Mapping[str, str]) -> Diagnosis:
    if info.get("aof_last_write_status", "ok") != "ok":
        return failed(
            "the last write to its file failed", "see the store's log: it accepts no writes until that is fixed"
        )
    for name in ("aof_last_bgrewrite_status", "rdb_last_bgsave_status"):
        if info.get(name, "ok") != "ok":
            return warning(f"{name} is {info[name]}", "see the store's log: disk space, and memory for a fork")
    return ok("the last write, rewrite and snapshot did not fail")


def _durability(nodes: Sequence[StoreFacts]) -> Diagnosis:
    """The class that the store allows, if our own settings are right."""
    verdict = assess(nodes, DurabilityPolicy(wait_replicas=1))
    lacking = "; ".join(verdict.lacking)
    if verdict.durability is Durability.STRONG:
        return ok("strong, if wait_replicas is 1 or more in [store]")
    if verdict.durability is Durability.SINGLE:
        return ok("single: a write is on the disk of this one node before its reply", f"for strong: {lacking}")
    if not all(facts.config for facts in nodes):
        return warning("unknown: CONFIG GET is refused, and sealring treats it as best effort", lacking)
    return failed("best effort: it can lose acknowledged writes, and sealring does not start on it", lacking)
