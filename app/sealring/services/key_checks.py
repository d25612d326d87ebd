"""Checks of customers' keys for people who watch them: beside their requests, one of an organization at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sealring.domain.binding import Binding, BindingFinding
from sealring.domain.checks import CheckProgress, CheckStore, Outcome, Probe, ProbeResult
from sealring.domain.ids import uuid_text
from sealring.domain.principal import Caller, Permission
from sealring.errors import BindingConflict, SealringError
from sealring.services.bindings import Bindings

LEASE_S = 30  # of a check whose process ends: each probe renews it, and takes at most four calls of three seconds
DONE = "done"

Later = Callable[[Callable[[], None]], None]  # do it beside the request
Fault = Callable[[Exception], None]  # log it


class KeyChecks:
    """Starts checks, and tells how far they are. Thread-safe, and for every server of the store.

    What is told is for people: only what the check stored in the binding decides about its use.
    """

    def __init__(self, store: CheckStore, bindings: Bindings, later: Later, fault: Fault) -> None:
        self._store = store
        self._bindings = bindings
        self._later = later
        self._fault = fault

    def start(self, caller: Caller, binding: Binding, *, activates: bool) -> None:
        """Check a binding's key, and with `activates` activate the binding if its key works.

        Nothing is started while a check of the organization runs: whoever presses the button twice watches one.
        """
        caller.principal.require(Permission.BINDINGS_MANAGE)
        caller.principal.require_organization(binding.org)
        run = _Run(self._store, binding, CheckProgress.new(binding.id))
        if self._store.begin(binding.environment, binding.org, run.progress, LEASE_S):
            check = self._bindings.activate if activates else self._bindings.validate
            self._later(lambda: self._run(run, lambda: check(caller, uuid_text(binding.id), run.watch)))

    def seen(self, caller: Caller, binding: Binding) -> CheckProgress | None:
        """Return the check of a binding that runs, or ran a few minutes ago."""
        caller.principal.require(Permission.BINDINGS_MANAGE)
        caller.principal.require_organization(binding.org)
        found = self._store.load(binding.environment, binding.org)
        return found if found is not None and found.binding_id == binding.id else None

    def _run(self, run: _Run, check: Callable[[], Binding]) -> None:
        """Raises nothing: nobody waits for it."""
        try:
            run.end(_end_of(check, run))
        except SealringError:  # of the store: the lease ends, and the page says that the check did not
            return
        except Exception as error:  # noqa: BLE001  the last resort
            self._fault(error)


class _Run:
    """One check that runs. For one thread."""

    def __init__(self, store: CheckStore, binding: Binding, progress: CheckProgress) -> None:
        self._store = store
        self._binding = binding
        self.progress = progress

    def watch(self, probe: Probe, found: Sequence[BindingFinding] | None) -> None:
        self._write(self.progress.with_probe(probe, _result(found)))

    def end(self, end: str) -> None:
        self._write(self.progress.ended(end))

    def _write(self, progress: CheckProgress) -> None:
        self.progress = progress
        self._store.write(self._binding.environment, self._binding.org, progress, LEASE_S)


def _end_of(check: Callable[[], Binding], run: _Run) -> str:
    try:
        check()
    except BindingConflict:  # a key that does not work is told by its probes
        failed = any(result.outcome is Outcome.FAILED for result in run.progress.probes.values())
        return DONE if failed else "conflict"
    except SealringError:
        return "stopped"
    return DONE


def _result(found: Sequence[BindingFinding] | None) -> ProbeResult:
    if found is None:
        return ProbeResult(Outcome.RUNNING)
    if not found:
        return ProbeResult(Outcome.PASSED)
    outcome = Outcome.FAILED if any(each.error for each in found) else Outcome.WARNED
    return ProbeResult(outcome, tuple(each.code for each in found))
