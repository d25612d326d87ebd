"""The routes of bindings: an organization's own keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sealring.admission.guard import Call, Route
from sealring.admission.replies import Reply
from sealring.domain.binding import Binding
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine
from sealring.domain.ids import OrgId, org_id
from sealring.domain.principal import Caller, Permission
from sealring.errors import InvalidBody
from sealring.http.bindings import answers, render, requests
from sealring.services.bindings import Bindings, NewBinding
from sealring.services.explanations import Explanations

MANAGE = Permission.BINDINGS_MANAGE


class BindingViews:
    def __init__(self, bindings: Bindings, explanations: Explanations) -> None:
        self._bindings = bindings
        self._explanations = explanations

    def create(self, call: Call) -> Reply:
        made = self._bindings.create(call.caller, _new(call), activate=call.body["activate"])
        return Reply.json(201, render.binding(made))

    def list(self, call: Call) -> Reply:
        found = self._bindings.list(call.caller, _organization(call.query["organization_id"]))
        return Reply.json(200, render.bindings(found))

    def read(self, call: Call) -> Reply:
        return Reply.json(200, render.binding(self._bindings.read(call.caller, call.path["binding_id"])))

    def delete(self, call: Call) -> Reply:
        self._bindings.delete(call.caller, call.path["binding_id"])
        return Reply.json(200, {"success": True})

    def validate(self, call: Call) -> Reply:
        return _changed(call, self._bindings.validate)

    def activate(self, call: Call) -> Reply:
        return _changed(call, self._bindings.activate)

    def suspend(self, call: Call) -> Reply:
        return _changed(call, self._bindings.suspend)

    def retire(self, call: Call) -> Reply:
        return _changed(call, self._bindings.retire)

    def setup(self, call: Call) -> Reply:
        org = _organization(call.query["organization_id"])
        guide = self._bindings.setup(call.caller, call.path["provider"], org)
        return Reply.json(200, render.setup(guide, self._bindings.external_id(call.caller.principal.environment, org)))

    def explain(self, call: Call) -> Reply:
        return Reply.json(200, render.explanation(self._explanations.explain(call.caller, call.path["object_id"])))

    def routes(self) -> Sequence[Route]:
        all_of_them, one = "/sealring/v1/bindings", "/sealring/v1/bindings/<binding_id>"
        return (
            Route(
                "POST", all_of_them, MANAGE, self.create, "Bind a key",
                {201: answers.Binding}, body=requests.CreateBinding(), query=requests.Nothing(),
            ),
            Route(
                "GET", all_of_them, MANAGE, self.list, "List an organization's bindings",
                {200: answers.BindingList}, query=requests.BindingsQuery(),
            ),
            Route("GET", one, MANAGE, self.read, "Read a binding", {200: answers.Binding}, query=requests.Nothing()),
            Route(
                "DELETE", one, MANAGE, self.delete, "Delete a pending binding",
                {200: answers.Done}, query=requests.Nothing(),
            ),
            _change(f"{one}/validate", "Verify a binding's key", self.validate),
            _change(f"{one}/activate", "Activate a binding", self.activate),
            _change(f"{one}/suspend", "Suspend a binding", self.suspend),
            _change(f"{one}/retire", "Retire a binding", self.retire),
            Route(
                "GET", "/sealring/v1/providers/<provider>/setup", MANAGE, self.setup, "Read how to admit sealring",
                {200: answers.SetupGuide}, query=requests.BindingsQuery(),
            ),
            Route(
                "GET", "/sealring/v1/kv/<object_id>/explain", Permission.OBJECTS_READ, self.explain,
                "Explain why an object cannot be read", {200: answers.Explanation}, query=requests.Nothing(),
            ),
        )  # fmt: skip


def _changed(call: Call, use_case: Callable[[Caller, str], Binding]) -> Reply:
    return Reply.json(200, render.binding(use_case(call.caller, call.path["binding_id"])))


def _change(rule: str, summary: str, view: Callable[[Call], Reply]) -> Route:
    body, query = requests.Nothing(), requests.Nothing()
    return Route("POST", rule, MANAGE, view, summary, {200: answers.Binding}, body=body, query=query)


def _new(call: Call) -> NewBinding:
    body = call.body
    org = _organization(body["organization_id"])
    return NewBinding(
        org=org,
        match=body["match"] or KeyContext((("organization_id", org),)),
        provider=body["provider"],
        key=body["key"],
        options=body["options"],
        combine=Combine.ANY if body["combine"] == "any" else Combine.ALL,
        show=tuple(body["show_context"]),
        max_stale_decrypt_s=body["max_stale_decrypt_s"],
        replaces=None if body["replaces"] is None else str(body["replaces"]),
    )


def _organization(text: str) -> OrgId:
    org = org_id(text)
    if org is None:
        wrong = "1 to 64 letters, digits, '_' and '-'."
        raise InvalidBody(f"organization_id: {wrong}", (("organization_id", wrong),))
    return org
