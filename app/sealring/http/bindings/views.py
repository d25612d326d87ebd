"""The routes of bindings: an organization's own keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.admission.routes import Route
from sealring.domain.binding import Binding
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine
from sealring.domain.principal import Caller, Permission
from sealring.errors import BindingConflict, InvalidBody, NotFound
from sealring.http.bindings import answers, render, requests
from sealring.http.failures import BODY, CONTEXT, KEYS, WRITE
from sealring.http.organizations import named_organization
from sealring.http.schemas import Nothing
from sealring.services.bindings import Bindings, NewBinding
from sealring.services.explanations import Explanations

TAG = "Keys of customers"
BINDINGS = "/sealring/v1/bindings"
MANAGE = Permission.BINDINGS_MANAGE


class BindingViews:
    def __init__(self, bindings: Bindings, explanations: Explanations) -> None:
        self._bindings = bindings
        self._explanations = explanations

    def create(self, request: AdmittedRequest) -> Reply:
        made = self._bindings.create(request.caller, _new(request), activate=request.body["activate"])
        return Reply.json(201, render.binding(made))

    def list(self, request: AdmittedRequest) -> Reply:
        org = named_organization(request.query["organization_id"])
        found = self._bindings.list(request.caller, org)
        return Reply.json(200, render.bindings(found, self._bindings.uses(request.caller, org, found)))

    def read(self, request: AdmittedRequest) -> Reply:
        found = self._bindings.read(request.caller, request.path["binding_id"])
        return Reply.json(200, render.used_binding(found, self._bindings.uses(request.caller, found.org, [found])))

    def delete(self, request: AdmittedRequest) -> Reply:
        self._bindings.delete(request.caller, request.path["binding_id"])
        return Reply.json(200, {"success": True})

    def validate(self, request: AdmittedRequest) -> Reply:
        return _changed(request, self._bindings.validate)

    def activate(self, request: AdmittedRequest) -> Reply:
        return _changed(request, self._bindings.activate)

    def suspend(self, request: AdmittedRequest) -> Reply:
        return _changed(request, self._bindings.suspend)

    def retire(self, request: AdmittedRequest) -> Reply:
        return _changed(request, self._bindings.retire)

    def setup(self, request: AdmittedRequest) -> Reply:
        org = named_organization(request.query["organization_id"])
        guide = self._bindings.setup(request.caller, request.path["provider"], org)
        return Reply.json(
            200, render.setup(guide, self._bindings.external_id(request.caller.principal.environment, org))
        )

    def explain(self, request: AdmittedRequest) -> Reply:
        return Reply.json(
            200, render.explanation(self._explanations.explain(request.caller, request.path["object_id"]))
        )

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "POST",
                BINDINGS,
                MANAGE,
                self.create,
                stranger=403,
                answers={201: answers.Binding},
                body=requests.CreateBinding(),
                query=Nothing(),
                id="createBinding",
                tag=TAG,
                summary="Bind a key",
                text="Stores a pending binding of a key to which its owner has given sealring access. Once active, "
                "the key guards each context of the organization that contains all pairs of `match`, and no managed "
                "key does: if the key fails, the request fails.",
                failures=(*CONTEXT, NotFound, BindingConflict, *WRITE),
            ),
            Route(
                "GET",
                BINDINGS,
                MANAGE,
                self.list,
                stranger=403,
                answers={200: answers.BindingList},
                query=requests.BindingsQuery(),
                id="listBindings",
                tag=TAG,
                summary="List an organization's bindings",
                text="All bindings of one organization, including retired ones, and how their keys were used.",
                failures=(InvalidBody,),
            ),
            Route(
                "GET",
                f"{BINDINGS}/<binding_id>",
                MANAGE,
                self.read,
                stranger=404,
                answers={200: answers.UsedBinding},
                query=Nothing(),
                id="readBinding",
                tag=TAG,
                summary="Read a binding",
                text="With the result of the last check of its key, and how the key was used.",
                failures=(NotFound,),
            ),
            Route(
                "DELETE",
                f"{BINDINGS}/<binding_id>",
                MANAGE,
                self.delete,
                stranger=404,
                answers={200: answers.Done},
                query=Nothing(),
                id="deleteBinding",
                tag=TAG,
                summary="Delete a pending binding",
                text="Only a pending one: any other may have sealed values that still exist. Retire it instead.",
                failures=(NotFound, BindingConflict, *WRITE),
            ),
            Route(
                "POST",
                f"{BINDINGS}/<binding_id>/validate",
                MANAGE,
                self.validate,
                stranger=404,
                answers={200: answers.Binding},
                body=Nothing(),
                query=Nothing(),
                id="validateBinding",
                tag=TAG,
                summary="Verify a binding's key",
                text="Checks the key's state, a wrap and an unwrap, and that it does not unwrap in a wrong context. "
                "Returns the findings, and what the key's owner has to do. The body is empty, or `{}`.",
                failures=(*BODY, NotFound, *WRITE),
            ),
            Route(
                "POST",
                f"{BINDINGS}/<binding_id>/activate",
                MANAGE,
                self.activate,
                stranger=404,
                answers={200: answers.Binding},
                body=Nothing(),
                query=Nothing(),
                id="activateBinding",
                tag=TAG,
                summary="Activate a binding",
                text="Verifies the key of a pending or suspended binding; if it works, the binding becomes active, "
                "and the one that it replaces retires. The body is empty, or `{}`.",
                failures=(*BODY, NotFound, BindingConflict, *WRITE),
            ),
            Route(
                "POST",
                f"{BINDINGS}/<binding_id>/suspend",
                MANAGE,
                self.suspend,
                stranger=404,
                answers={200: answers.Binding},
                body=Nothing(),
                query=Nothing(),
                id="suspendBinding",
                tag=TAG,
                summary="Suspend a binding",
                text="From now on, requests for contexts that the binding guards are refused: nothing is sealed or "
                "opened. The body is empty, or `{}`.",
                failures=(*BODY, NotFound, BindingConflict, *WRITE),
            ),
            Route(
                "POST",
                f"{BINDINGS}/<binding_id>/retire",
                MANAGE,
                self.retire,
                stranger=404,
                answers={200: answers.Binding},
                body=Nothing(),
                query=Nothing(),
                id="retireBinding",
                tag=TAG,
                summary="Retire a binding",
                text="From now on, the binding seals nothing new. Values that its key sealed can be opened as long as "
                "the key works. The body is empty, or `{}`.",
                failures=(*BODY, NotFound, BindingConflict, *WRITE),
            ),
            Route(
                "GET",
                "/sealring/v1/providers/<provider>/setup",
                MANAGE,
                self.setup,
                stranger=403,
                answers={200: answers.SetupGuide},
                query=requests.BindingsQuery(),
                id="readSetupGuide",
                tag=TAG,
                summary="Read how to give sealring access",
                text="For the administrator of a key: the steps, and the policy text with our identity and the "
                "organization's.",
                failures=(InvalidBody, *KEYS),
            ),
            Route(
                "GET",
                "/sealring/v1/kv/<object_id>/explain",
                Permission.OBJECTS_READ,
                self.explain,
                stranger=404,
                answers={200: answers.Explanation},
                query=Nothing(),
                id="explainObject",
                tag="Objects",
                summary="Explain why an object cannot be read",
                text="Tries each key of a live object now. Returns which ones fail, why, since when, and who has to "
                "act. The value is not decrypted.",
                failures=(NotFound,),
            ),
        )


def _changed(request: AdmittedRequest, use_case: Callable[[Caller, str], Binding]) -> Reply:
    return Reply.json(200, render.binding(use_case(request.caller, request.path["binding_id"])))


def _new(request: AdmittedRequest) -> NewBinding:
    body = request.body
    org = named_organization(body["organization_id"])
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
