"""The examination of a store: all checks in order, whatever the earlier ones found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from sealring.errors import SealringError
from sealring.store.connection.durability import read_facts
from sealring.store.connection.link import Elsewhere, LinkLost
from sealring.store.connection.links import Links
from sealring.store.doctor.command_probes import command_checks
from sealring.store.doctor.diagnosis import Check, Diagnosis, Grade, failed, note, ok
from sealring.store.doctor.sandbox import Sandbox, ends, lasting
from sealring.store.doctor.transaction_probes import transaction_checks
from sealring.store.doctor.vital_signs import vital_signs
from sealring.store.doctor.watch_cases import watch_checks


def examine(links: Links, *, destructive: bool) -> Iterator[tuple[str, Diagnosis]]:
    """Yield the name and the result of each check; only the first if the store accepts no write at all.

    Leaves nothing behind. `destructive` runs FLUSHALL, only on a store without keys. Raises StoreUnavailable if the
    store becomes unavailable.
    """
    sandbox = Sandbox(links)
    try:
        reached = _reach(sandbox)
        yield "reachable", reached
        if reached.grade is not Grade.FAILED:
            for check in _checks(links, sandbox, destructive=destructive):
                yield check.name, _run(check, sandbox)
    finally:
        sandbox.hang_up()
        with suppress(LinkLost, Elsewhere, SealringError), sandbox.borrow() as link:
            link.send(sandbox.removal())


def _checks(links: Links, sandbox: Sandbox, *, destructive: bool) -> Iterator[Check]:
    nodes = read_facts(links)
    yield from command_checks()
    yield from transaction_checks(min(facts.replicas or 0 for facts in nodes))
    yield from watch_checks(sandbox, destructive=destructive)
    yield from vital_signs(nodes)


def _reach(sandbox: Sandbox) -> Diagnosis:
    try:
        with sandbox.borrow() as link:
            link.send(lasting(sandbox.key("reached"), b"1"), ends(sandbox.key("reached")))
    except LinkLost:
        return failed(
            "the store does not answer, or does not accept the user and password of the URL",
            "check the URL: host, port, TLS, user, password; and that the store runs",
        )
    except (Elsewhere, SealringError):
        return failed(
            "the store answers, but refuses SET or PEXPIRE of s1-doctor:*",
            "name a primary that is neither full nor loading, and a user that may use these keys (docs/storage.md)",
        )
    return ok("accepts a write")


def _run(check: Check, sandbox: Sandbox) -> Diagnosis:
    for _ in range(2):  # a link may have broken while it was idle, or a slot may have moved
        try:
            return check.look(sandbox)
        except (LinkLost, Elsewhere):
            sandbox.hang_up()
        except SealringError:
            sandbox.hang_up()
            return _refused(check)
    return failed("the store closes the connection, or does not answer in time", "see its log, or use another store")


def _refused(check: Check) -> Diagnosis:
    if check.needed:
        return failed("the store refuses a command of this check", "allow it to the user of the URL (docs/storage.md)")
    return note("skipped: the store refuses it; the server does not use it")
