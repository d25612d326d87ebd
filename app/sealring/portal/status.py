"""The pages of keys that are there: the check while it runs, the status, and what stops and resumes their use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from sealring.domain.binding import Binding, BindingFinding, BindingState, BindingUse, Verification
from sealring.domain.checks import CheckProgress, Probe
from sealring.domain.ids import uuid_text
from sealring.errors import BindingConflict
from sealring.portal.frame import Frame, PortalServices, go, shown
from sealring.portal.texts import Texts
from sealring.portal.visits import Visit
from sealring.portal.wizard import CHECK
from sealring.providers.catalog import Offer
from sealring.services.key_checks import DONE

STATUS = "/portal/status"
KEYS = "/portal/keys/<binding_id>"


@dataclass(frozen=True, slots=True)
class ShownProbe:
    """A probe on the page of a check."""

    name: str
    outcome: str  # a name of texts: running, passed, warned, failed, waiting
    findings: Sequence[BindingFinding]


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A binding on the page of the status."""

    binding: Binding
    state: str  # a name of texts
    result: str  # likewise; empty if its key was never checked
    title: str
    options: Sequence[tuple[str, str]]  # as the form of the key names them
    use: BindingUse | None = None  # None: not asked for, or altered in the store

    @property
    def id(self) -> str:
        return uuid_text(self.binding.id)

    @property
    def may_stop(self) -> bool:
        return self.binding.state is not BindingState.PENDING and not self.binding.shut

    @property
    def may_resume(self) -> bool:
        return _resumes(self.binding)


class StatusPages:
    def __init__(self, frame: Frame, services: PortalServices, texts: Texts) -> None:
        self._frame = frame
        self._bindings = services.bindings
        self._setups = services.setups
        self._checks = services.checks
        self._usages = services.usages
        self._texts = texts

    def status(self, visit: Visit) -> Response:
        org = visit.session.org
        found, offers = self._bindings.list(visit.caller, org), self._offers(visit)
        uses = self._bindings.uses(visit.caller, org, found)
        keys = [replace(shown_key(each, offers), use=uses.get(each.id)) for each in found]
        return shown(
            "status.html",
            keys=[each for each in keys if each.binding.guards],
            others=[each for each in reversed(keys) if not each.binding.guards],
            objects=self._usages.read(visit.caller, org).use.objects,
            said=self._said(keys),
            now=int(time.time() * 1_000_000),
        )

    def check(self, visit: Visit, binding_id: str) -> Response:
        """Show how far the check of a key is, or what the last one found."""
        binding = self._bindings.read(visit.caller, binding_id)
        progress = self._checks.seen(visit.caller, binding)
        if progress is not None and not progress.runs:  # it may have ended between the two reads
            binding = self._bindings.read(visit.caller, binding_id)
        return shown(
            "check.html",
            step=CHECK if binding.state is BindingState.PENDING or binding.verification is None else None,
            key=shown_key(binding, self._offers(visit)),
            probes=probes_of(progress, binding.verification),
            outcome=outcome_of(progress, binding.verification),
        )

    def start(self, visit: Visit, binding_id: str) -> Response:
        """Check a key; one that was never used is used from then on, if it works."""
        binding = self._bindings.read(visit.caller, binding_id)
        self._checks.start(visit.caller, binding, activates=binding.state is BindingState.PENDING)
        return _to_check(binding)

    def resume(self, visit: Visit, binding_id: str) -> Response:
        binding = self._bindings.read(visit.caller, binding_id)
        if not _resumes(binding):
            return go(f"{STATUS}?said=changed")
        self._checks.start(visit.caller, binding, activates=True)
        return _to_check(binding)

    def done(self, visit: Visit, binding_id: str) -> Response:
        binding = self._bindings.read(visit.caller, binding_id)
        if binding.state is not BindingState.ACTIVE:
            return _to_check(binding)
        return shown("done.html", key=shown_key(binding, self._offers(visit)))

    def confirm(self, visit: Visit, binding_id: str) -> Response:
        return self._confirmation(visit, self._bindings.read(visit.caller, binding_id), "")

    def suspend(self, visit: Visit, binding_id: str) -> Response:
        """Stop all use. When this answers, it is in force: a request that begins later is refused."""
        binding = self._bindings.read(visit.caller, binding_id)
        if request.form.get("organization", "").strip() != visit.session.org:
            return self._confirmation(visit, binding, self._texts.suspend.wrong)
        return self._changed(lambda: self._bindings.suspend(visit.caller, binding_id), "suspended", binding_id)

    def remove(self, visit: Visit, binding_id: str) -> Response:
        return self._changed(lambda: self._bindings.delete(visit.caller, binding_id), "removed", binding_id)

    def add_to(self, blueprint: Blueprint) -> None:
        page, form, post = self._frame.page, self._frame.form, ["POST"]
        blueprint.add_url_rule(STATUS, "status", page(self.status))
        blueprint.add_url_rule(f"{KEYS}/check", "check", page(self.check), methods=["GET"])
        blueprint.add_url_rule(f"{KEYS}/check", "start_check", form(self.start), methods=post)
        blueprint.add_url_rule(f"{KEYS}/resume", "resume", form(self.resume), methods=post)
        blueprint.add_url_rule(f"{KEYS}/done", "done", page(self.done))
        blueprint.add_url_rule(f"{KEYS}/suspend", "confirm", page(self.confirm), methods=["GET"])
        blueprint.add_url_rule(f"{KEYS}/suspend", "suspend", form(self.suspend), methods=post)
        blueprint.add_url_rule(f"{KEYS}/remove", "remove", form(self.remove), methods=post)

    def _confirmation(self, visit: Visit, binding: Binding, error: str) -> Response:
        key = shown_key(binding, self._offers(visit))
        if not key.may_stop:
            return go(f"{STATUS}?said=changed")
        return shown("suspend.html", 422 if error else 200, key=key, error=error)

    def _changed(self, change: Callable[[], object], said: str, binding_id: str) -> Response:
        try:
            change()
        except BindingConflict:
            said = "changed"
        return go(f"{STATUS}?{urlencode({'said': said, 'key': binding_id})}")

    def _said(self, keys: Sequence[ShownKey]) -> str:
        """Return what was done, as long as it is so: an address is opened again later, or comes from anybody."""
        said, key_id = request.args.get("said", ""), request.args.get("key", "")
        stopped = any(each.id == key_id and each.binding.shut for each in keys)
        return self._texts.said.get(said) if said != "suspended" or stopped else ""

    def _offers(self, visit: Visit) -> Mapping[str, Offer]:
        return {each.provider: each for each in self._setups.offers(visit.caller)}


def shown_key(binding: Binding, offers: Mapping[str, Offer]) -> ShownKey:
    state = binding.state.name.lower()
    if binding.state is BindingState.RETIRED and binding.shut:
        state = "closed"
    result = "" if binding.verification is None else _result(binding.verification)
    offer = offers.get(binding.provider)  # None: its plugin is not loaded any more
    title, fields = (binding.provider, ()) if offer is None else (offer.title, offer.options)
    labels = {each.name: each.label for each in fields if each.label}
    options = [(labels.get(name, name), value) for name, value in binding.options]
    return ShownKey(binding, state, result, title, options)


def outcome_of(progress: CheckProgress | None, verification: Verification | None) -> str:
    """Return a name of texts: running, passed, warned, failed, conflict or stopped."""
    if progress is not None and progress.runs:
        return "running"
    if progress is not None and progress.end != DONE:
        return progress.end if progress.end == "conflict" else "stopped"
    return "stopped" if verification is None else _result(verification)


def probes_of(progress: CheckProgress | None, verification: Verification | None) -> Sequence[ShownProbe]:
    """Return the probes in their order; if nothing is known of them any more, what was found, as one."""
    findings = () if verification is None or (progress is not None and progress.runs) else verification.findings
    if progress is not None:
        return list(_probes(progress, findings))
    return [] if verification is None else [ShownProbe("", _result(verification), verification.findings)]


def _probes(progress: CheckProgress, findings: Sequence[BindingFinding]) -> Iterator[ShownProbe]:
    """Show what was found at the first probe that found it: one reason often fails several."""
    left = {finding.code: finding for finding in findings}
    for probe in Probe:
        result = progress.probes.get(probe)
        if result is None:
            yield ShownProbe(probe.value, "waiting", ())
        else:
            found = [left.pop(code) for code in result.codes if code in left]
            yield ShownProbe(probe.value, result.outcome.name.lower(), found)


def _result(verification: Verification) -> str:
    if not verification.verified:
        return "failed"
    return "warned" if verification.findings else "passed"


def _resumes(binding: Binding) -> bool:
    """Whether an activation would open what the binding protects again."""
    return binding.shut and binding.state in {BindingState.SUSPENDED, BindingState.RETIRED}


def _to_check(binding: Binding) -> Response:
    return go(f"/portal/keys/{uuid_text(binding.id)}/check")
