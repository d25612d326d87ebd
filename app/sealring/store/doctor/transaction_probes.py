"""Checks of MULTI, EXEC and WAIT, without WATCH."""

from __future__ import annotations

from collections.abc import Iterator

from sealring.errors import SealringError
from sealring.store.doctor.diagnosis import Check, Diagnosis, failed, ok, warning
from sealring.store.doctor.sandbox import Sandbox, lasting

_WAIT_MS = 200


def transaction_checks(replicas: int) -> Iterator[Check]:
    """`replicas`: how many each primary reports as connected, at least."""
    yield Check("MULTI is atomic", _atomic)
    yield Check("MULTI with a bad command", _aborted)
    yield Check("WAIT", lambda sandbox: _waits(sandbox, replicas))


def _atomic(sandbox: Sandbox) -> Diagnosis:
    key = sandbox.key("transaction")
    with sandbox.borrow() as ours, sandbox.borrow() as rivals:
        ours.send((b"DEL", key), (b"MULTI",), (b"GET", key), lasting(key, b"ours"), (b"GET", key))
        before = rivals.send((b"GET", key), lasting(key, b"theirs"))[0]
        (results,) = ours.send((b"EXEC",))
        (after,) = rivals.send((b"GET", key))
    if (before, results, after) != (None, [b"theirs", b"OK", b"ours"], b"ours"):
        return failed("the commands of a transaction do not run together at its EXEC", "use another store")
    return ok("its commands run together, at EXEC")


def _aborted(sandbox: Sandbox) -> Diagnosis:
    """A command that cannot be queued must prevent the whole transaction."""
    key = sandbox.key("transaction")
    with sandbox.borrow() as link:
        link.send((b"DEL", key))
        try:
            link.send((b"MULTI",), lasting(key, b"1"), (b"GET",), (b"EXEC",))
        except SealringError:
            (applied,) = link.send((b"GET", key))
        else:
            return failed("the store does not refuse it", "use another store")
    if applied is not None:
        return failed("EXEC applies the rest of it", "use another store: this one applies writes in part")
    return ok("EXEC applies nothing")


def _waits(sandbox: Sandbox, replicas: int) -> Diagnosis:
    try:
        with sandbox.borrow() as link:
            _, acknowledged = link.send(lasting(sandbox.key("waited"), b"1"), (b"WAIT", 1, _WAIT_MS))
    except SealringError:
        return warning("refused, or unknown to this store", "allow +wait, or leave wait_replicas = 0 in [store]")
    if replicas and not acknowledged:
        return warning(
            f"of {replicas} connected replicas, none has a write within {_WAIT_MS} ms",
            "check the replicas; with wait_replicas, responses to writes would be 503",
        )
    return ok(f"answers; replicas that had the write: {acknowledged}")
