"""The route of operations: the outcome of a write."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.admission.routes import Route
from sealring.domain.principal import Permission
from sealring.http.operations import answers, render
from sealring.http.schemas import Nothing
from sealring.services.operations import Operations


class OperationViews:
    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def find(self, request: AdmittedRequest) -> Reply:
        operation = self._operations.find(request.caller, request.path["idempotency_key"])
        return Reply.json(200, render.operation(operation))

    def routes(self) -> Sequence[Route]:
        return (
            Route(
                "GET",
                "/sealring/v1/operations/<whole:idempotency_key>",
                Permission.OBJECTS_READ,
                self.find,
                stranger=200,  # as for a key that was never sent
                answers={200: answers.Operation},
                query=Nothing(),
                id="findOperation",
                tag="Objects",
                summary="Find the outcome of a write",
                text="Whether a write that was sent with this `Idempotency-Key` was applied. Only for the caller's own "
                "writes, for 24 hours.",
            ),
        )
