"""Rendering bindings, setup guides and explanations as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sealring.admission.problems import PROBLEMS
from sealring.domain.binding import Binding, BindingFinding, BindingUse, Verification
from sealring.domain.envelope import Combine
from sealring.domain.ids import uuid_text
from sealring.errors import Responsible
from sealring.http.timestamps import rfc3339
from sealring.services.explanations import Explanation, KeyReport
from sealring_plugin import SetupGuide

Json = dict[str, Any]

_WHO: Mapping[Responsible, str] = {  # the operator has to fix or replace a plugin
    "tenant": "key owner",
    "operator": "operator",
    "plugin": "operator",
}


def binding(found: Binding) -> Json:
    return {
        "id": uuid_text(found.id),
        "organization_id": found.org,
        "state": found.state.name.lower(),
        "opens": not found.shut,
        "key_id": uuid_text(found.id),
        "provider": found.provider,
        "key": found.key,
        "options": dict(found.options),
        "match": {"organization_id": found.org, **dict(found.match)},
        "combine": "any" if found.combine is Combine.ANY else "all",
        "show_context": list(found.show),
        "max_stale_decrypt_s": found.max_stale_decrypt_s,
        "replaces": uuid_text(found.replaces) if found.replaces else None,
        "created_at": rfc3339(found.created_at),
        "updated_at": rfc3339(found.updated_at),
        **_verification(found.verification),
    }


def used_binding(found: Binding, uses: Mapping[bytes, BindingUse]) -> Json:
    return {**binding(found), "use": _use(uses.get(found.id))}


def bindings(found: Sequence[Binding], uses: Mapping[bytes, BindingUse]) -> Json:
    return {"data": [used_binding(each, uses) for each in found]}


def setup(guide: SetupGuide, external_id: str) -> Json:
    return {"steps": list(guide.steps), "policy": guide.policy, "external_id": external_id}


def explanation(found: Explanation) -> Json:
    combine = found.record.current.envelope.header.combine
    return {
        "id": str(found.record.id),
        "readable": found.readable,
        "needs": "any" if combine is Combine.ANY else "all",
        "keys": [_report(report) for report in found.keys],
    }


def _report(report: KeyReport) -> Json:
    bound = report.binding
    failure = report.failure
    failing = bound is not None and bound.verification is not None and not bound.verification.verified
    return {
        "key_id": uuid_text(report.kek_id),
        "provider": report.provider,
        "binding_id": None if bound is None else uuid_text(bound.id),
        "state": "usable" if failure is None else PROBLEMS[type(failure)].code,
        "message": None if failure is None else str(failure),
        "since": rfc3339(bound.verification.since) if failure and failing and bound and bound.verification else None,
        "who_must_act": None if failure is None else _WHO[failure.owner],
    }


def _use(found: BindingUse | None) -> Json | None:
    if found is None:
        return None
    return {
        "state_since": None if found.state_since is None else rfc3339(found.state_since),
        "last_used_at": None if found.last_used_at is None else rfc3339(found.last_used_at),
        "versions": found.versions,
        "data_keys": found.data_keys,
        "keyring_keys": found.keyring_keys,
        "complete": found.complete,
    }


def _verification(found: Verification | None) -> Json:
    if found is None:
        return {"verified": False, "verified_at": None, "since": None, "findings": []}
    return {
        "verified": found.verified,
        "verified_at": rfc3339(found.checked_at),
        "since": rfc3339(found.since),
        "findings": [_finding(each) for each in found.findings],
    }


def _finding(found: BindingFinding) -> Json:
    severity = "error" if found.error else "warning"
    return {"code": found.code, "severity": severity, "message": found.message, "advice": found.advice}
