"""One check of a customer's key: whether it works, only for its own organization, now and in the near future."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from sealring.crypto.data_key import DataKey
from sealring.domain.binding import Binding, BindingFinding, Verification
from sealring.domain.checks import Probe
from sealring.domain.context import KeyContext
from sealring.errors import (
    IntegrityFailure,
    KeyAccessDenied,
    KeyDeadlineExceeded,
    KeyDestroyed,
    KeyDisabled,
    KeyFailure,
    KeyMisconfigured,
    KeyNotFound,
    KeyPendingDeletion,
    KeyThrottled,
    KeyUnavailable,
)
from sealring.keys.keyring import shown_pairs
from sealring.keys.references import customers_key
from sealring.providers.failures import TELL_THE_OPERATOR
from sealring.providers.gateway import Gateway, Unwrapping, Wrapping, call_for
from sealring_plugin import Call, Finding, KeyState, Purpose, Severity, WrapContext, WrappedKey

_STATES = {
    KeyState.DISABLED: ("key_disabled", "The key is disabled.", "Enable the key."),
    KeyState.PENDING_DELETION: ("key_pending_deletion", "The key is scheduled for deletion.", "Cancel the deletion."),
    KeyState.DESTROYED: ("key_destroyed", "The key is destroyed.", "Bind another key; this one never decrypts again."),
}
_ADVICE = {
    "KeyAccessDenied": ("access_denied", "Give sealring the permissions that the setup guide lists."),
    "KeyDisabled": ("key_disabled", "Enable the key."),
    "KeyPendingDeletion": ("key_pending_deletion", "Cancel the deletion."),
    "KeyDestroyed": ("key_destroyed", "Bind another key; this one never decrypts again."),
    "KeyNotFound": ("key_not_found", "Check the key's name, and that sealring may see it."),
    "KeyMisconfigured": ("key_misconfigured", "Check the key's type, region and options."),
    "KeyThrottled": ("throttled", "Raise the key's quota, or wait."),
    "KeyUnavailable": ("unavailable", "Check the endpoint and the network; then validate again."),
    "KeyDeadlineExceeded": ("deadline", "Check the endpoint and the network; then validate again."),
    "PluginFault": ("plugin_fault", TELL_THE_OPERATOR),
    "IntegrityFailure": ("key_inconsistent", "The key did not unwrap what it had just wrapped. Tell the operator."),
}
_OUTAGES = (KeyThrottled, KeyUnavailable, KeyDeadlineExceeded)
_OWNERS_STATES = (KeyAccessDenied, KeyDisabled, KeyPendingDeletion, KeyDestroyed, KeyNotFound, KeyMisconfigured)


T = TypeVar("T")

Watch = Callable[[Probe, Sequence[BindingFinding] | None], None]  # of a probe that begins (None), and what it found


def unwatched(_probe: Probe, _found: Sequence[BindingFinding] | None) -> None:
    return None


class Verifier:
    """Runs every check of a key. Stores nothing."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def verify(self, binding: Binding, request_id: str, now: int, watch: Watch = unwatched) -> Verification:
        """Return the result at `now`, in microseconds. A key that does not work is a finding, never an exception."""
        questions = _Questions(self._gateway, binding, request_id)
        findings = {finding.code: finding for finding in questions.findings(watch)}
        verified = not any(finding.error for finding in findings.values())
        return Verification(verified, now, now, tuple(findings.values())).after(binding.verification)


class _Questions:
    """The checks of one key, each with the deadline of a request of its own."""

    def __init__(self, gateway: Gateway, binding: Binding, request_id: str) -> None:
        self._gateway = gateway
        self._binding = binding
        self._request_id = request_id
        self._key = customers_key(binding.kek)
        pairs = sorted({**dict(binding.match), "organization_id": binding.org}.items())
        self._mine = WrapContext(shown_pairs(KeyContext(tuple(pairs)), binding.show), os.urandom(64))
        self._wrapped: WrappedKey | None = None  # None: it does not wrap and unwrap in the binding's own context

    def findings(self, watch: Watch) -> Iterator[BindingFinding]:
        """Stop at the first probe without an answer: each further one would take as long, and prove nothing."""
        probes = {
            Probe.STATE: self._of_its_state,
            Probe.USE: self._of_its_use,
            Probe.BOUNDS: self._of_its_bounds,
            Probe.OUTLOOK: self._of_its_provider,
        }
        for probe, ask in probes.items():
            if probe is Probe.BOUNDS and self._wrapped is None:  # it does not unwrap even in its own context
                continue
            watch(probe, None)
            found, answered = _answers(ask)
            watch(probe, found)
            yield from found
            if not answered:
                return

    def _of_its_state(self) -> Iterator[BindingFinding]:
        described = _asked(lambda: self._gateway.describe(self._key, self._call()))
        if isinstance(described, BindingFinding):
            yield described
        elif described is not None and described.state in _STATES:
            code, message, advice = _STATES[described.state]
            yield BindingFinding(code, error=True, message=message, advice=advice)

    def _of_its_provider(self) -> Iterator[BindingFinding]:
        told = _asked(lambda: self._gateway.validate(self._key, self._call()))
        yield from (told,) if isinstance(told, BindingFinding) else map(_as_ours, told)

    def _of_its_use(self) -> Iterator[BindingFinding]:
        """Wrap and unwrap in the binding's own context."""
        mine = self._mine
        with DataKey.fresh() as dek:
            wrapped = _asked(lambda: self._gateway.wrap([Wrapping(self._key, dek.secret, mine)], self._call()))
            if isinstance(wrapped, BindingFinding):
                yield wrapped
                return
            opened = _asked(lambda: self._unwrap(wrapped[0], mine))
            if isinstance(opened, BindingFinding):
                yield opened
                return
            with DataKey(opened) as again:
                if again.secret != dek.secret:
                    yield _finding_of(IntegrityFailure("probe"))
        self._wrapped = wrapped[0]

    def _of_its_bounds(self) -> Iterator[BindingFinding]:
        """Try to unwrap in two other contexts, which must fail."""
        wrapped, mine = self._wrapped, self._mine
        assert wrapped is not None
        if self._opens(wrapped, WrapContext(mine.pairs, os.urandom(64))):
            yield _error("binding_not_enforced", "A wrapped key opens in place of another object's.", TELL_THE_OPERATOR)
        if self._opens(wrapped, WrapContext({**mine.pairs, "organization_id": "nobodys"}, mine.aad)):
            yield _error("context_not_enforced", "A wrapped key opens in another context.", TELL_THE_OPERATOR)

    def _opens(self, wrapped: WrappedKey, under: WrapContext) -> bool:
        opened = _asked(lambda: self._unwrap(wrapped, under))
        if isinstance(opened, BindingFinding):
            return False
        opened[:] = bytes(len(opened))
        return True

    def _unwrap(self, wrapped: WrappedKey, under: WrapContext) -> bytearray:
        return self._gateway.unwrap([Unwrapping(self._key, wrapped, under)], self._call())[0]

    def _call(self) -> Call:
        return call_for(
            environment=self._binding.environment,
            tenant=self._binding.org,
            request_id=self._request_id,
            purpose=Purpose.CHECK,
        )


def _answers(ask: Callable[[], Iterator[BindingFinding]]) -> tuple[Sequence[BindingFinding], bool]:
    """Return the findings of a probe, and whether the key answered all of it."""
    found: list[BindingFinding] = []
    try:
        found.extend(ask())
    except _OUTAGES as failure:
        return (*found, _finding_of(failure)), False
    return found, True


def _asked(ask: Callable[[], T]) -> T | BindingFinding:
    """Return the answer, or the failure as a finding. Raises one of _OUTAGES, which tells nothing about the key."""
    try:
        return ask()
    except _OUTAGES:
        raise
    except (KeyFailure, IntegrityFailure) as failure:
        return _finding_of(failure)


def _finding_of(failure: KeyFailure | IntegrityFailure) -> BindingFinding:
    code, advice = _ADVICE[type(failure).__name__]
    if isinstance(failure, _OWNERS_STATES) and failure.owner != "tenant":
        advice = TELL_THE_OPERATOR
    return _error(code, str(failure).partition(". ")[0] + ".", advice)


def _error(code: str, message: str, advice: str) -> BindingFinding:
    return BindingFinding(code, error=True, message=message, advice=advice)


def _as_ours(finding: Finding) -> BindingFinding:
    """Return a plugin's finding, its texts cut to the lengths that a record holds."""
    error = finding.severity is Severity.ERROR
    return BindingFinding(finding.code[:64], error, finding.message[:500], finding.advice[:500])
